"""One SQLite file, one writer: a transaction is one function that runs whole on the database's own thread."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiosqlite
from filelock import FileLock, Timeout

from bot.errors import UserError
from bot.memory.db.connection import told, transaction
from bot.memory.db.recovery import Opening, make_folder, open_file

T = TypeVar("T")


class InUse(UserError):
    """Another process holds the database; it is sound as far as that one knows."""


class Database(aiosqlite.Connection):
    """A database that one process holds. Await `open`, then `run` and `write`, then `close`.

    aiosqlite logs the `repr` of what it runs: pass lambdas and nested functions, which show no arguments.
    """

    def __init__(self, path: Path, how: Callable[[], Opening]) -> None:
        super().__init__(self._open, iter_chunk_size=64)
        self.path = path
        self.notices: tuple[str, ...] = ()
        self._how = how
        self._lock = FileLock(f"{path}.lock", timeout=0, mode=0o600, thread_local=False)
        self._opened: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Raises `UserError` when the file cannot be used; nothing is left running then."""
        try:
            await self
        except BaseException:
            await asyncio.to_thread(self._thread.join)
            raise

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function on the worker thread; it ends there even when the caller is cancelled."""

        def whole(connection: sqlite3.Connection) -> T:
            with told(self.path):
                return function(connection)

        result: T = await self._execute(whole, self._conn)  # type: ignore[no-untyped-call]
        return result

    async def write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function as one transaction: all of it is committed, or nothing."""
        return await self.run(lambda connection: transaction(connection, function))

    def stop(self) -> asyncio.Future[object] | None:
        self._tx.put_nowait((None, self._release))  # also when the caller was cancelled while it opened
        return super().stop()

    def _open(self) -> sqlite3.Connection:
        with told(self.path):
            make_folder(self.path)
            self._hold()
            try:
                self._opened, self.notices = open_file(self.path, self._how())
            except BaseException:
                self._lock.release()
                raise
        return self._opened

    def _hold(self) -> None:
        try:
            self._lock.acquire()
        except Timeout as error:
            raise InUse(
                f"Another alterego is using {self.path}: stop it first,"
                " or set ALTEREGO_DATA to another folder."
            ) from error

    def _release(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._lock.release()
