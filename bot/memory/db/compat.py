"""Private parts of aiosqlite that `Database` builds on, as of version 0.22.1.

`tests/libraries/test_aiosqlite.py` fails if a new version changes one of them.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TypeVar

import aiosqlite

T = TypeVar("T")


class ThreadConnection(aiosqlite.Connection):
    """An aiosqlite connection that runs any function on its thread, also behind the last statement."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)

    async def run_on_thread(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function on the thread, to its end even if the caller is cancelled."""
        result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        return result

    def run_unawaited(self, function: Callable[[], object]) -> None:
        """Queue a function on the thread without a future that could be cancelled."""
        self._tx.put_nowait((None, function))

    async def join_thread(self) -> None:
        """Wait until the thread has ended."""
        await asyncio.to_thread(self._thread.join)
