"""Counts of what waits: they are right, and need no look at the history."""

import re
import sqlite3
from pathlib import Path

from bot.memory.queries.records import Waiting
from bot.memory.queries.status import WAITING
from bot.memory.store import Memory
from tests.faults.memory_story import answer, said


async def test_accepted_messages_and_unsent_parts_wait(memory: Memory) -> None:
    assert await memory.waiting() == Waiting(0, 0)
    await memory.accept(said(1))
    await memory.accept(said(2))
    assert await memory.waiting() == Waiting(2, 0)
    (part,) = await answer(memory, ["m1"], "r1")
    assert await memory.waiting() == Waiting(1, 1)
    await memory.sent(part.key, "platform-8")
    assert await memory.waiting() == Waiting(1, 0)


async def test_waiting_rows_are_counted_by_indexes_that_hold_them_alone(
    memory: Memory, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "memory.db") as connection:
        plan = "\n".join(str(row) for row in connection.execute(f"EXPLAIN QUERY PLAN {WAITING}"))
    connection.close()
    assert set(re.findall(r"(?:SCAN|SEARCH) (\w+) USING (?:COVERING )?INDEX (\w+)", plan)) == {
        ("inbox", "inbox_pending"),
        ("outbox", "outbox_unsent"),
    }, plan
