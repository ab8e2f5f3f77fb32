"""Memory accepts a message once and keeps it pending until it is answered, ignored or given up."""

import asyncio

import pytest

from bot.memory.store import Memory
from bot.message import Author, Message, Place
from tests.faults.memory_story import EVA, HERE, answer, ids, reply, said


async def test_every_field_of_a_message_comes_back(memory: Memory):
    message = Message(HERE, "5", Author("1", "Anna", is_bot=True), "Hi", 12.25, "reply", "4", persona=None)
    await memory.accept(message)
    assert await memory.history(HERE) == (message,)
    assert await memory.pending("telegram", "bot") == (message,)
    assert await memory.find(HERE, "5") == message


async def test_a_message_is_accepted_once(memory: Memory):
    assert await memory.accept(said(1, "first"))
    assert not await memory.accept(said(1, "changed"))
    assert [message.text for message in await memory.history(HERE)] == ["first"]


async def test_the_same_message_accepted_by_many_tasks_is_accepted_once(memory: Memory):
    assert sum(await asyncio.gather(*(memory.accept(said(1)) for _ in range(20)))) == 1


async def test_what_the_bot_itself_sent_is_known(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sent(part.key, "platform-8")
    assert not await memory.accept(Message(HERE, "platform-8", EVA, "reply r1", 3.0))
    assert await memory.find(HERE, "platform-8") == reply("r1", to="m1")


async def test_an_ignored_message_is_not_pending_and_stays_in_the_history(memory: Memory):
    await memory.accept(said(1))
    await memory.ignore(HERE, "m1", "not addressed")
    assert await memory.pending("telegram", "bot") == ()
    assert await ids(memory) == ["m1"]


async def test_pending_is_one_account_oldest_first(memory: Memory):
    other = Place("telegram", "other", "7")
    for message in (said(2), said(1, place=Place("telegram", "bot", "8")), said(3), said(4, place=other)):
        await memory.accept(message)
    assert [message.id for message in await memory.pending("telegram", "bot")] == ["m2", "m1", "m3"]


async def test_attempts_are_counted_until_a_message_is_given_up(memory: Memory):
    await memory.accept(said(1))
    for tried in range(3):
        assert await memory.attempts(HERE, "m1") == tried
        assert await memory.begin(HERE, ["m1", "unknown"], "eva", "direct") == ("m1",)
    assert await memory.attempts(HERE, "unknown") == 0
    (notice,) = await memory.give_up(HERE, ["m1"], "tried too often", "Say it again.")
    assert (notice.text, (await memory.status()).inbox) == ("Say it again.", {"given_up": 1})
    assert await memory.history(HERE) == ()  # where it would be read again
    assert await memory.pending("telegram", "bot") == ()


async def test_an_attempt_that_was_withdrawn_does_not_count(memory: Memory):
    await memory.accept(said(1))
    for _ in range(10):
        assert await memory.begin(HERE, ["m1"], "eva", "direct") == ("m1",)
        await memory.withdraw(HERE, ["m1"])


@pytest.mark.parametrize("end", ["ignored", "answered", "given_up"])
async def test_only_accepted_messages_are_tried(memory: Memory, end: str):
    await memory.accept(said(1))
    if end == "ignored":
        await memory.ignore(HERE, "m1", "rule")
    elif end == "answered":
        await answer(memory, ["m1"], "r1")
    else:
        await memory.give_up(HERE, ["m1"], "too long", None)
    assert await memory.begin(HERE, ["m1"], "eva", "direct") == ()
    assert (await memory.status()).inbox == {end: 1}


async def test_giving_up_queues_one_notice_under_a_key_of_its_own(memory: Memory):
    await memory.accept(said(1))
    (notice,) = await memory.give_up(HERE, ["m1"], "the model failed", "Sorry.")
    assert await memory.give_up(HERE, ["m1"], "the model failed", "Sorry.") == (notice,)
    (part,) = await answer(memory, ["m1"], "r1")
    assert notice.key != part.key
    assert [item.text for item in await memory.unsent("telegram", "bot")] == ["Sorry.", "reply r1"]


async def test_an_answered_message_is_not_given_up(memory: Memory):
    await memory.accept(said(1))
    await answer(memory, ["m1"], "r1")
    assert await memory.give_up(HERE, ["m1", "unknown"], "late", "Sorry.") == ()
    assert (await memory.status()).inbox == {"answered": 1}
