"""Memory: from accepted to answered and sent, one transaction at a time."""

import asyncio
import json
import logging
import random
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.memory.queries.records import AnswerExplanation, MemoryStatus, Remembered
from bot.memory.store import Memory
from bot.message import Author, Message, Place
from tests.faults.memory_story import ANNA, BEN, EVA, HERE, answer, half_turns, ids, reply, said


@pytest.fixture
async def memory(tmp_path: Path):
    async with Memory(tmp_path / "memory.db", lambda: 1000.0) as opened:
        yield opened


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


async def test_an_answer_is_queued_in_parts_with_a_key_each(memory: Memory):
    await memory.accept(said(1))
    said_in_reply = reply("r1", "one two", to="m1")
    parts = await memory.finish(HERE, ["m1"], [said_in_reply], ["one", "two"], read="m1", window=None, why={})
    assert [(part.part, part.text, part.state, part.reply_to, part.persona) for part in parts] == [
        (0, "one", "queued", "m1", "eva"),
        (1, "two", "queued", "m1", "eva"),
    ]
    assert len({part.key for part in parts}) == 2
    assert all(len(part.key) <= 25 for part in parts)
    assert await memory.unsent("telegram", "bot") == parts
    assert await memory.unsent("telegram", "other") == ()


async def test_the_key_of_a_part_depends_on_what_it_answers_and_nothing_else(tmp_path: Path):
    keys = set()
    for name in ("first", "second"):
        async with Memory(tmp_path / name / "memory.db") as memory:
            await memory.accept(said(1))
            keys |= {part.key for part in await answer(memory, ["m1"], name)}
    assert len(keys) == 1


async def test_finishing_again_stores_nothing_and_returns_the_parts(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2))
    parts = await answer(memory, ["m1", "m2"], "r1")
    assert await answer(memory, ["m1", "m2"], "r1") == parts
    assert await answer(memory, ["m1", "m2"], "another") == parts
    assert await ids(memory) == ["m1", "m2", "r1"]


async def test_an_answer_to_nobody_is_stored_once_too(memory: Memory):
    parts = await answer(memory, [], "greeting")
    assert await answer(memory, [], "greeting") == parts
    assert await ids(memory) == ["greeting"]


async def test_only_what_is_open_is_answered(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2))
    await answer(memory, ["m1"], "r1")
    await answer(memory, ["m1", "m2"], "r2")
    assert (await memory.last_answer(HERE)).answered == ("m2",)


@pytest.mark.parametrize(
    "about", [{"asked": ["m1"]}, {"asked": [], "read": "m1"}, {"asked": [], "replaces": "r0"}]
)
async def test_an_answer_to_what_was_erased_meanwhile_is_not_stored(memory: Memory, about: dict):
    await memory.accept(said(1))
    await answer(memory, ["m1"], "r0")
    await memory.erase_place(HERE)
    assert await answer(memory, name="r1", **about) == ()
    assert await memory.places() == ()


async def test_an_answer_needs_a_reply_by_a_persona_and_a_part(memory: Memory):
    for replies, parts in (([], ["a"]), ([reply("r1")], []), ([said(1)], ["a"])):
        with pytest.raises(ValueError, match="persona"):
            await memory.finish(HERE, [], replies, parts, read=None, window=None, why={})


async def test_sent_parts_leave_the_outbox_and_their_text_with_them(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sending(part.key)
    ((key, state, attempts),) = [
        (part.key, part.state, part.attempts) for part in await memory.unsent("telegram", "bot")
    ]
    assert (key, state, attempts) == (part.key, "sending", 1)
    await memory.sent(part.key, "55")
    assert await memory.unsent("telegram", "bot") == ()
    assert [(part.state, part.text) for part in await answer(memory, ["m1"], "r1")] == [("sent", "")]


async def test_what_cannot_be_sent_is_dropped(memory: Memory):
    (part,) = await answer(memory, [], "greeting")
    await memory.drop(part.key)
    assert await memory.unsent("telegram", "bot") == ()


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


async def test_why_tells_the_newest_decision(memory: Memory):
    assert await memory.why(HERE) is None
    await memory.accept(said(1))
    assert await memory.why(HERE) is None
    await memory.begin(HERE, ["m1"], "eva", "mention")
    assert await memory.why(HERE) == AnswerExplanation("m1", "mention", "eva", "accepted", "", {})
    await answer(memory, ["m1"], "r1")
    assert await memory.why(HERE) == AnswerExplanation(
        "m1", "direct", "eva", "answered", "", {"rule": "direct", "seed": 3}
    )
    await memory.accept(said(2))
    await memory.ignore(HERE, "m2", "quiet hours")
    assert await memory.why(HERE) == AnswerExplanation("m2", "quiet hours", None, "ignored", "", {})
    await memory.accept(said(3))
    await memory.give_up(HERE, ["m3"], "too long", None)
    assert await memory.why(HERE) == AnswerExplanation("m3", "", None, "given_up", "too long", {})
    await answer(memory, [], "greeting", read="m3")
    assert (await memory.why(HERE)).message_id is None


async def test_settings_are_kept_by_scope(memory: Memory):
    await memory.set_setting("chat 1", "persona", "eva")
    await memory.set_setting("chat 1", "persona", "ann")
    await memory.set_setting("chat 1", "quiet", "yes")
    await memory.set_setting("chat 1", "quiet", None)
    await memory.set_setting("chat 2", "persona", "eva")
    assert await memory.settings("chat 1") == {"persona": "ann"}


async def test_status_and_places_count_what_there_is(memory: Memory):
    elsewhere = Place("discord", "bot", "8", "9")
    for message in (said(1), said(2), said(3, place=elsewhere)):
        await memory.accept(message)
    await answer(memory, ["m1"], "r1")
    await memory.ignore(HERE, "m2", "rule")
    status = await memory.status()
    counted = MemoryStatus({"accepted": 1, "answered": 1, "ignored": 1}, 1, 4, 2, status.bytes)
    assert status == counted
    assert status.bytes > 4096
    assert await memory.places() == (Remembered(HERE, 3, 2.5), Remembered(elsewhere, 1, 1.5))


async def test_an_export_holds_what_a_person_said_and_what_was_answered(memory: Memory):
    await memory.accept(said(1, "my words"))
    await memory.accept(said(2, "others' words", author=BEN))
    await answer(memory, ["m1"], "r1", text="your words")
    await answer(memory, ["m2"], "r2", text="their words")
    exported = json.loads(json.dumps(await memory.export("1", "telegram")))
    assert [message["text"] for message in exported["messages"]] == ["my words"]
    assert [(answer["text"], answer["why"]["seed"]) for answer in exported["answers"]] == [("your words", 3)]
    assert await memory.export("1", "discord") == {"messages": [], "answers": []}


@pytest.mark.parametrize(
    ("given", "stored"),
    [("a\ud800b", "a\ufffdb"), ("\x00a\x00", "a"), ("\udfff\x00", "\ufffd"), ("🙂", "🙂")],
)
async def test_poisoned_text_is_stored_cleaned(memory: Memory, given: str, stored: str):
    place = Place(given, given, given, given)
    message = Message(place, given, Author(given, given), given, 1.0, reply_to=given)
    assert await memory.accept(message)
    assert await memory.begin(place, [given], given, given) == (given,)
    said_in_reply = Message(place, f"r{given}", EVA, given, 2.0, persona=given)
    await memory.finish(
        place, [given], [said_in_reply], [given], read=given, window=given, why={given: given}
    )
    await memory.set_setting(given, given, given)
    first, second = await memory.history(place)
    assert (first.id, first.author.name, first.text, second.text) == (stored, stored, stored, stored)
    assert await memory.settings(given) == {stored: stored}


async def test_no_text_reaches_the_log_even_at_debug_level(memory: Memory, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    await memory.accept(said(1, "canary"))
    await memory.begin(HERE, ["m1"], "eva", "direct")
    await answer(memory, ["m1"], "r1", text="canary")
    await memory.set_setting("canary", "canary", "canary")
    await memory.history(HERE)
    assert caplog.records
    assert "canary" not in caplog.text


async def test_a_full_disk_is_told_and_the_turn_is_not_stored(memory: Memory, tmp_path: Path):
    await memory.accept(said(1))
    await memory._database.run(lambda inside: inside.execute("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(UserError, match="full: free some space"):
        await answer(memory, ["m1"], "r1", text="much " * 100_000)
    assert await ids(memory) == ["m1"]
    assert half_turns(tmp_path / "memory.db") == []


async def test_cancelled_tasks_leave_no_half_turn(memory: Memory, tmp_path: Path):
    dice = random.Random(5)

    async def turn(number: int) -> None:
        place = Place("telegram", "bot", str(number % 7))
        await memory.accept(said(number, place=place))
        await memory.begin(place, [f"m{number}"], "eva", "direct")
        await answer(memory, [f"m{number}"], f"r{number}", place=place)

    async def cancel(task: asyncio.Task[None]) -> None:
        await asyncio.sleep(dice.random() * 0.2)
        task.cancel()

    turns = [asyncio.create_task(turn(number)) for number in range(200)]
    async with asyncio.TaskGroup() as group:
        for task in dice.sample(turns, 40):
            group.create_task(cancel(task))
    ended = await asyncio.gather(*turns, return_exceptions=True)
    cancelled = sum(isinstance(end, asyncio.CancelledError) for end in ended)
    status = await memory.status()
    assert cancelled > 0
    assert status.inbox["answered"] >= 200 - cancelled
    assert status.unsent == status.inbox["answered"]
    assert half_turns(tmp_path / "memory.db") == []
    assert {message.author for message in await memory.pending("telegram", "bot")} <= {ANNA}


async def test_a_draft_noted_before_says_that_it_may_be_shown_already(memory: Memory):
    await memory.accept(said(1))
    drafts = [await memory.draft(HERE, "m1", "eva") for _ in range(2)]
    assert [draft and draft.attempts for draft in drafts] == [0, 1]
    assert len({draft.key for draft in drafts if draft}) == 1


async def test_the_ids_of_what_was_sent_or_shown_are_told_apart(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sent(part.key, "p1")
    await memory.accept(said(2))
    draft = await memory.draft(HERE, "m2", "eva")
    assert draft
    await memory.shown(draft.key, "p2")
    assert await memory.sent_among(HERE, ["p0", "p1", "p2", "m1"]) == {"p1", "p2"}
    assert await memory.sent_among(Place("telegram", "bot", "elsewhere"), ["p1"]) == frozenset()
