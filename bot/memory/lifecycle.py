"""Lifecycle of the database file: opening, closing, backups, and erasure to the last byte."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bot.errors import UserError
from bot.memory.db import backup
from bot.memory.db.connection import user_errors
from bot.memory.db.database import Database
from bot.memory.db.migration import own_scripts
from bot.memory.db.recovery import OpenOptions
from bot.memory.queries import erase, status
from bot.memory.queries.records import Erased

T = TypeVar("T")

BACKUP_AGE = timedelta(hours=24)
STEP = 0.2  # seconds between two tries while other processes read


class MemoryLifecycle:
    """A database file, held inside of `async with`; `notices` tell a person about its opening.

    The opening waits `patience` seconds for other processes; `schema` is the folder of migrations.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        *,
        patience: float = 5.0,
        schema: Traversable | None = None,
    ) -> None:
        self.path = path
        self.notices: tuple[str, ...] = ()
        self._clock = clock
        self._patience = patience
        self._database = Database(path, lambda: OpenOptions(schema or own_scripts(), clock(), patience))
        self._copying = threading.Lock()

    async def __aenter__(self) -> Self:
        await self._database.open()
        self.notices = self._database.notices
        try:
            if await self._database.run(erase.is_unfinished):
                await self._finish_interrupted()
        except BaseException:
            await self._database.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.close()

    async def backup(self) -> Path:
        """Write a backup and keep the newest three. Raises `UserError` if the disk refuses."""
        return await asyncio.to_thread(self._write_backup)

    async def wants_backup(self) -> bool:
        """Return whether there are messages and the newest backup is missing or older than a day."""
        newest = next(iter(backup.list_backups(self.path)), None)
        now = datetime.fromtimestamp(self._clock(), UTC)
        if newest is not None and now - backup.written_at(newest) <= BACKUP_AGE:
            return False
        return await self._database.run(status.has_messages)

    async def settle(self) -> None:
        """Delete the last copies of erased rows. Raises `UserError` if another process holds them."""
        if await self._database.run(erase.is_unfinished):
            await self._finish_erasing()

    async def _erase(self, function: Callable[[sqlite3.Connection], Erased]) -> Erased:
        """Erase rows, then every copy of them. The next opening finishes an interrupted erasure."""
        erased = await self._database.write(function)
        backups, set_aside = await self._finish_erasing()
        return replace(erased, backups=backups, set_aside=set_aside)

    async def _finish_interrupted(self) -> None:
        try:
            await self._finish_erasing()
        except UserError as error:
            self.notices += (str(error),)

    async def _finish_erasing(self) -> tuple[int, int]:
        deleted = await asyncio.to_thread(self._delete_copies)
        await self._database.run(erase.vacuum)
        for _ in range(max(1, round(self._patience / STEP))):
            await asyncio.to_thread(self._wait_for_copy)
            if await self._database.run(lambda _: erase.truncate_wal(self.path, STEP)):
                break
        else:
            raise UserError(
                f"Erased words can still be read from {self.path}-wal, because "
                f"{erase.processes_reading(self.path)} holds it open: close that and erase again, or start "
                "alterego again."
            )
        await self.backup()
        await self._database.write(erase.finish_erasures)
        return deleted

    def _write_backup(self) -> Path:
        with self._copying, user_errors(self.path):
            return backup.write_backup(self.path, self._clock(), self._patience)

    def _delete_copies(self) -> tuple[int, int]:
        with self._copying, user_errors(self.path):
            return backup.delete_copies(self.path)

    def _wait_for_copy(self) -> None:
        """Wait until no backup of this process reads an old snapshot."""
        with self._copying:
            pass
