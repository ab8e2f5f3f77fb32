"""One SQLite file with one writer. A transaction is one function, run whole on the database's thread."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from bot.errors import UserError
from bot.memory.db.compat import ThreadConnection
from bot.memory.db.connection import transaction, user_errors
from bot.memory.db.recovery import OpenOptions, make_folder, open_file

T = TypeVar("T")


class InUse(UserError):
    """Another process holds the database."""


class Database(ThreadConnection):
    """A database that one process holds. Await `open`, then `run` and `write`, then `close`.

    aiosqlite logs the `repr` of each function: pass lambdas and nested functions, whose `repr` has no values.
    """

    def __init__(self, path: Path, options: Callable[[], OpenOptions]) -> None:
        super().__init__(self._open)
        self.path = path
        self.notices: tuple[str, ...] = ()
        self._options = options
        self._lock = FileLock(f"{path}.lock", timeout=0, mode=0o600, thread_local=False)
        self._opened: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file. Raises `UserError` if the file cannot be used; then no thread is left running."""
        try:
            await self
        except BaseException:
            await self.join_thread()
            raise

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function on the worker thread, to its end even if the caller is cancelled."""

        def whole(connection: sqlite3.Connection) -> T:
            with user_errors(self.path):
                return function(connection)

        return await self.run_on_thread(whole)

    async def write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function as one transaction."""
        return await self.run(lambda connection: transaction(connection, function))

    def stop(self) -> asyncio.Future[object] | None:
        self.run_unawaited(self._release)  # also if the caller was cancelled while it opened
        return super().stop()

    def _open(self) -> sqlite3.Connection:
        with user_errors(self.path):
            make_folder(self.path)
            self._hold()
            try:
                self._opened, self.notices = open_file(self.path, self._options())
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
