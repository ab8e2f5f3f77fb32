"""Erasing while turns go on: it comes to its end, and no byte of what was said is left."""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.memory.store import Memory
from tests.bot.memory.queries.test_erase import copies, talk
from tests.faults.memory_story import half_turns


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with Memory(tmp_path / "memory.db", patience=1.0) as opened:
        yield opened


async def test_turns_go_on_while_a_person_is_erased(memory: Memory, tmp_path: Path):
    await talk(memory, "xyz", 30, random.Random(1))
    await asyncio.gather(
        memory.erase_author("mark-x-id"),
        memory.backup(),
        talk(memory, "yz", 60, random.Random(2)),
    )
    assert copies(tmp_path, "mark-x") == []
    assert half_turns(tmp_path / "memory.db") == []


async def test_slow_turns_without_a_pause_do_not_hinder_an_erasure(memory: Memory, tmp_path: Path):
    await talk(memory, "xyz", 5, random.Random(1))
    erased = asyncio.Event()
    turns = asyncio.create_task(write_slowly(memory, erased))
    try:
        await memory.erase_author("mark-x-id")
    finally:
        erased.set()
        await turns
    assert copies(tmp_path, "mark-x") == []


async def write_slowly(memory: Memory, end: asyncio.Event) -> None:
    """Keep two transactions of a slow disk queued, so that one begins as soon as another ends."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE places SET chat = chat")
        time.sleep(0.3)

    async def write_on() -> None:
        while not end.is_set():
            await memory._database.write(write)

    await asyncio.gather(write_on(), write_on())
