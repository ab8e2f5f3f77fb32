"""Erasing: no byte of what was said is left in any file, and what others said is as it was."""

import asyncio
import random
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.memory.queries.records import Erased
from bot.memory.store import Memory
from bot.message import Author, Message, Place
from tests.faults.memory_story import HERE, answer, half_turns, ids, reply, said

EVERYWHERE = [Place("telegram", "bot", str(chat)) for chat in range(4)]


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with Memory(tmp_path / "memory.db", patience=1.0) as opened:
        yield opened


def copies(folder: Path, marker: str) -> list[str]:
    """The files with the marker; grep reads them, for closing them in this process ends its locks."""
    found = subprocess.run(
        ["grep", "-rlaF", marker, str(folder)], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def rows(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Every row of every table that holds words."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: set(connection.execute(f"SELECT * FROM {table}"))
            for table in (
                "places",
                "messages",
                "answers",
                "answered",
                "inbox",
                "outbox",
                "settings",
                "platform_state",
            )
        }


async def talk(memory: Memory, names: str, turns: int, dice: random.Random) -> None:
    """People talk in four places in texts of every length; each of their words is marked with their name."""
    for number in range(turns):
        name, place = dice.choice(names), dice.choice(EVERYWHERE)
        text = f"mark-{name}-{number} " * dice.choice((1, 3, 20, 100, 900))
        author = Author(f"mark-{name}-id", f"mark-{name}-name")
        asked = Message(place, f"mark-{name}-{number}", author, text, 1.0)
        await memory.accept(asked)
        await memory.begin(place, [asked.id], "eva", "direct")
        await respond(memory, asked, dice)


async def respond(memory: Memory, asked: Message, dice: random.Random) -> None:
    """The answer quotes what it answers, in its text, its parts and its reasons."""
    if dice.random() < 0.2:
        await memory.give_up(asked.place, [asked.id], asked.text, asked.text)
        return
    name = f"r-{asked.id}"
    for replaces in (None, name) if dice.random() < 0.4 else (None,):
        new = reply(f"{replaces or ''}{name}", asked.text, place=asked.place, to=asked.id)
        parts = await memory.finish(
            asked.place,
            [asked.id],
            [new],
            [asked.text],
            read=asked.id,
            window=None,
            why={"quote": asked.text},
            replaces=replaces,
        )
        if dice.random() < 0.7:
            await memory.sent(parts[0].key, f"sent-{new.id}")


@pytest.mark.parametrize("seed", [3, 4])
async def test_nothing_of_a_person_is_left_and_others_are_unchanged(
    memory: Memory, tmp_path: Path, seed: int
):
    dice = random.Random(seed)
    await talk(memory, "xyz", 150, dice)
    await memory.backup()
    await talk(memory, "xyz", 150, dice)
    (tmp_path / "memory.db.corrupt-20260101T000000000000Z").write_text("mark-x-1")
    before = rows(tmp_path / "memory.db")
    erased = await memory.erase_author("mark-x-id", "telegram")
    assert erased.messages >= 100
    assert (erased.places, erased.backups, erased.set_aside) == (0, 1, 1)
    assert copies(tmp_path, "mark-x") == []
    assert rows(tmp_path / "memory.db") == {
        table: {row for row in kept if not any("mark-x" in str(value) for value in row)} - gone(table, before)
        for table, kept in before.items()
    }
    assert half_turns(tmp_path / "memory.db") == []
    assert len(list((tmp_path / "backups").iterdir())) == 1


def gone(table: str, before: dict[str, set[tuple[object, ...]]]) -> set[tuple[object, ...]]:
    """Rows of x's that hold numbers alone."""
    theirs = {row[0] for row in before["messages"] if "mark-x" in str(row)}
    answers = {row[0] for row in before["answers"] if "mark-x" in str(row)}
    by_number = {
        "answered": lambda row: row[0] in answers,
        "inbox": lambda row: row[0] in theirs,
        "outbox": lambda row: row[3] in answers or row[4] in theirs,
    }
    return {row for row in before[table] if by_number.get(table, lambda row: False)(row)}


@pytest.mark.parametrize("seed", [3, 4])
async def test_nothing_of_a_place_is_left_and_others_are_unchanged(memory: Memory, tmp_path: Path, seed: int):
    dice = random.Random(seed)
    place = Place("telegram", "bot", "mark-here", "thread")
    for number in range(100):
        text = f"mark-here-{number} " * dice.choice((1, 3, 20, 100, 900))
        asked = Message(place, f"mark-here-{number}", Author("1", "mark-here"), text, 1.0)
        await memory.accept(asked)
        await respond(memory, asked, dice)
        await talk(memory, "yz", 1, dice)
    await memory.backup()
    await memory.set_setting(str(place), "note", "mark-here")
    before = {there: await memory.history(there) for there in EVERYWHERE}
    erased = await memory.erase_place(place)
    assert (erased.places, erased.backups) == (1, 1)
    assert erased.messages >= 180
    assert copies(tmp_path, "mark-here") == []
    assert {there: await memory.history(there) for there in EVERYWHERE} == before
    assert half_turns(tmp_path / "memory.db") == []


async def test_an_answer_to_others_too_stays(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2, author=Author("2", "Ben")))
    await memory.accept(said(3))
    await answer(memory, ["m1", "m2"], "both")
    await answer(memory, ["m3"], "one")
    assert await memory.erase_author("1") == Erased(
        places=0, messages=3, answers=1, outgoing=1, kept=1, kept_in=(str(HERE),)
    )
    assert await ids(memory) == ["m2", "both"]


async def test_what_was_said_to_nobody_right_behind_a_message_goes_with_it(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2, author=Author("2", "Ben")))
    await answer(memory, [], "aside", read="m1")
    await answer(memory, [], "other", read="m2")
    await memory.erase_author("1")
    assert await ids(memory) == ["m2", "other"]


async def test_where_no_other_person_spoke_everything_goes(memory: Memory):
    await answer(memory, [], "greeting")
    await memory.accept(said(1))
    await memory.accept(said(2, author=Author("8", "another bot", is_bot=True)))
    await memory.erase_author("1")
    assert await memory.places() == ()


async def test_the_same_id_on_another_platform_is_another_person(memory: Memory):
    there = Place("discord", "bot", "7")
    for place in (HERE, there):
        await memory.accept(said(1, place=place))
    assert (await memory.erase_author("1", "telegram")).messages == 1
    assert await ids(memory, there) == ["m1"]
    assert (await memory.erase_author("1")).messages == 1


async def test_erasing_what_is_not_there_erases_nothing(memory: Memory):
    await memory.accept(said(1))
    assert (await memory.erase_place(Place("web", "bot", "1"))).messages == 0
    assert (await memory.erase_author("5")).messages == 0
    assert await ids(memory) == ["m1"]


async def test_erasing_waits_for_a_reader_of_the_old_content(memory: Memory, tmp_path: Path):
    await memory.accept(said(1, "marked"))
    with closing(sqlite3.connect(memory.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM messages").fetchall()
        erasing = asyncio.create_task(memory.erase_place(HERE))
        await asyncio.sleep(0.3)
        assert not erasing.done()
        assert copies(tmp_path, "marked") != []
        reader.execute("COMMIT")
        assert (await erasing).messages == 1
    assert copies(tmp_path, "marked") == []


async def test_a_reader_that_never_lets_go_is_named_and_the_erasure_ends_later(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path, patience=0.4) as memory:
        await memory.accept(said(1, "marked"))
        await memory.backup()
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM messages").fetchall()
            with pytest.raises(UserError, match=r"can still be read from .*-wal, because .* holds it open"):
                await memory.erase_place(HERE)
            assert copies(tmp_path / "backups", "marked") == []
            assert await memory.accept(said(2))
        await memory.erase_author("nobody")
        assert copies(tmp_path, "marked") == []


async def test_an_erasure_that_was_interrupted_is_completed_at_the_next_start(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path) as memory:
        for number in range(50):
            await memory.accept(said(number, f"marked {number} " * 50))
        await memory.backup()
        erasing = asyncio.create_task(memory.erase_place(HERE))
        await asyncio.sleep(0)  # the rows are now being erased on the worker thread
        erasing.cancel()
        await asyncio.gather(erasing, return_exceptions=True)
        assert (await memory.status()).messages == 0
        assert copies(tmp_path / "backups", "marked") != []
    async with Memory(path):
        assert copies(tmp_path, "marked") == []
