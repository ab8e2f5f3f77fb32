"""A chat that is closed, or dies, and goes on in the next process."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.chat.intake import LATE
from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from tests.conftest import PLACE, Stage


async def test_a_restart_answers_accepted_messages_and_sends_unsent_parts(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    first.outlet.failure = ConnectionError()
    await first.say("one")
    first.outlet.failure = None
    first.engine.hold = asyncio.Event()
    await first.chat.receive(first.message("two"))
    await first.engine.holding.wait()
    await first.stop()

    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert second.outlet.sent == [("mara", "Answer 1."), ("mara", "Answer 1.")]
    assert await second.history() == ["Ana: one", "Mara: Answer 1.", "Ana: two", "Mara: Answer 1."]
    await second.stop()


async def test_a_message_that_ends_the_process_three_times_is_given_up(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    message = first.message("poison")
    await first.memory.accept(message)
    for _ in range(3):
        await first.memory.begin(PLACE, [message.id], "mara", "direct chat")
    await first.chat.recover("test", "bot")
    await first.chat.worker(PLACE).idle()
    assert first.engine.requests == []
    assert dict((await first.memory.status()).inbox)["given_up"] == 1
    await first.stop()


async def test_an_accepted_message_too_old_is_given_up_with_a_notice(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    await first.memory.accept(replace(first.message("Anybody?"), time=-90_000.0))
    await first.stop()
    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert second.outlet.sent == [(None, LATE)]
    await second.stop()


async def test_a_visible_reply_ends_with_the_text_generated_when_the_chat_closes(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    first.outlet.kept = True
    first.engine.delay = 0.05
    first.engine.script.append(" ".join(["word"] * 1000))
    await first.chat.receive(first.message("A story!"))
    await first.outlet.has_shown(3)
    await first.chat.close(grace=5)
    ((speaker, text),) = first.outlet.sent
    assert speaker == "mara"
    assert text.split() == ["word"] * len(text.split())
    assert (await first.memory.status()).inbox == {"answered": 1}
    await first.stop()


async def test_a_reply_cut_off_by_a_crash_is_finished_in_the_message_of_its_preview(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    first.outlet.kept = True
    first.engine.delay = 0.05
    first.engine.script.append("one two three four")
    await first.chat.receive(first.message("Count!"))
    await first.outlet.has_shown(2)
    await first.stop()
    second = await new_stage().start()
    second.outlet.kept = True
    seen: list[str | None] = []
    send = second.outlet.send

    async def watched(outgoing: Outgoing, persona: Persona | None) -> str | None:
        seen.append(outgoing.sent_id)
        return await send(outgoing, persona)

    second.outlet.send = watched  # type: ignore[method-assign]
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert second.outlet.sent == [("mara", "Answer 1.")]
    assert seen[0]
    assert seen[0].startswith("shown-")
    await second.stop()


async def test_suspects_of_one_place_are_answered_each_alone(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    for text in ("one", "two", "three"):
        message = first.message(text)
        await first.memory.accept(message)
        for _ in range(0 if text == "one" else 2):
            await first.memory.begin(PLACE, [message.id], "mara", "direct chat")
    await first.stop()
    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert await second.history() == [
        *("Ana: one", "Mara: Answer 1."),
        *("Ana: two", "Mara: Answer 2."),
        *("Ana: three", "Mara: Answer 3."),
    ]
    assert ["two" in prompt for prompt in second.engine.prompts()] == [False, True, True]
    await second.stop()


@pytest.mark.parametrize(("deaths", "under_way"), [(1, 4), (2, 1)])
async def test_what_one_process_died_with_is_answered_all_at_once_and_what_two_did_one_at_a_time(
    new_stage: Callable[[], Stage], deaths: int, under_way: int
) -> None:
    places = [Place("test", "bot", name) for name in "abcd"]
    first = await new_stage().start()
    for place in places:
        message = first.message("Rain?", place=place)
        await first.memory.accept(message)
        for _ in range(deaths):
            await first.memory.begin(place, [message.id], "mara", "direct chat")
    await first.stop()
    second = await new_stage().start()
    second.engine.hold = asyncio.Event()
    await second.chat.recover("test", "bot")
    await second.engine.holding.wait()
    await asyncio.sleep(0.05)
    assert len(second.engine.requests) == under_way
    second.engine.hold.set()
    for place in places:
        await second.chat.worker(place).idle()
    assert (await second.memory.status()).inbox == {"answered": 4}
    await second.stop()


async def test_messages_of_one_place_are_answered_together_after_one_death(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    for text in ("one", "two", "three"):
        message = first.message(text)
        await first.memory.accept(message)
        await first.memory.begin(PLACE, [message.id], "mara", "direct chat")
    await first.stop()
    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert await second.history() == ["Ana: one", "Ana: two", "Ana: three", "Mara: Answer 1."]
    await second.stop()
