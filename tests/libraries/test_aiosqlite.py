"""Private parts of aiosqlite that the database builds on: an upgrade that changes one fails here."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator

import pytest

from bot.memory.db.compat import ThreadConnection


@pytest.fixture
async def connection() -> AsyncIterator[ThreadConnection]:
    opened = ThreadConnection(lambda: sqlite3.connect(":memory:"))
    await opened
    yield opened
    await opened.close()
    await opened.join_thread()


async def test_a_function_runs_on_the_threads_own_connection(connection: ThreadConnection) -> None:
    def one(inside: sqlite3.Connection) -> tuple[int, str]:
        return inside.execute("SELECT 1").fetchone()[0], threading.current_thread().name

    number, thread = await connection.run_on_thread(one)
    assert number == 1
    assert thread != threading.current_thread().name


async def test_a_cancelled_caller_leaves_the_function_running_to_its_end(
    connection: ThreadConnection,
) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(inside: sqlite3.Connection) -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    task = asyncio.create_task(connection.run_on_thread(slow))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    assert await asyncio.to_thread(ended.wait, 10)


async def test_an_unawaited_function_runs_behind_those_before_it(connection: ThreadConnection) -> None:
    order = list[str]()
    first = asyncio.create_task(connection.run_on_thread(lambda inside: order.append("first")))
    await asyncio.sleep(0)
    connection.run_unawaited(lambda: order.append("second"))
    await first
    await connection.run_on_thread(lambda inside: order.append("third"))
    assert order == ["first", "second", "third"]


async def test_an_unawaited_function_runs_before_the_thread_stops() -> None:
    opened, ran = ThreadConnection(lambda: sqlite3.connect(":memory:")), threading.Event()
    await opened
    opened.run_unawaited(ran.set)
    await opened.close()
    await opened.join_thread()
    assert ran.is_set()


async def test_the_thread_ends_after_a_connector_that_fails() -> None:
    def fail() -> sqlite3.Connection:
        raise sqlite3.OperationalError("no")

    opened = ThreadConnection(fail)
    with pytest.raises(sqlite3.OperationalError):
        await opened
    await asyncio.wait_for(opened.join_thread(), 10)
