"""Memory explains, counts and exports what it holds, cleans text, and stores no turn by half."""

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
from tests.faults.memory_story import ANNA, BEN, EVA, HERE, answer, half_turns, ids, said


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
    assert await memory.export("1", "discord") == {
        "messages": [],
        "quoted": [],
        "settings": [],
        "answers": [],
    }


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
