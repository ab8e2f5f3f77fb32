"""From a path to a sound, migrated database: created, or put back from a backup, when it has to be."""

import os
import sqlite3
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from bot.errors import UserError
from bot.memory.db import backup
from bot.memory.db.connection import connect, unwritable
from bot.memory.db.migration import migrate, scripts, version

OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
SMALLEST = 512  # bytes of the smallest page; SQLite takes less for an empty database


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open: the migrations, the time (Unix seconds), and how long to wait for others (seconds)."""

    schema: Traversable
    now: float
    patience: float

    @property
    def newest(self) -> int:
        return max(scripts(self.schema))


def make_folder(path: Path) -> None:
    """Make the file's folder where there is none. Raises `UserError` where no file can stand."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise UserError(
            f"SQLite {sqlite3.sqlite_version} is too old: alterego needs Python with SQLite 3.37 or newer."
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file: move it, or set ALTEREGO_DATA to another folder.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def open_file(path: Path, how: Opening) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    """Open for writing, with notices for a person where something was lost or put back."""
    refuse_unwritable(path)
    notices = () if is_usable(path, how) else replace(path, how)
    make_private(path)
    connection = connect(path, how.patience)
    try:
        upgrade(connection, path, how)
        prove_writable(connection)
    except BaseException:
        connection.close()
        raise
    return connection, notices


def refuse_unwritable(path: Path) -> None:
    """Before SQLite touches the file: it would leave a log beside it with the same rights."""
    effective = os.access in os.supports_effective_ids
    if path.exists() and not os.access(path, os.R_OK | os.W_OK, effective_ids=effective):
        raise UserError(unwritable(path))


def is_usable(path: Path, how: Opening) -> bool:
    if not path.exists() or path.stat().st_size < SMALLEST:
        return False
    return backup.is_sound(path, how.newest, how.patience)


def replace(path: Path, how: Opening) -> tuple[str, ...]:
    """Put a backup, or an empty database, where there is no usable file."""
    existed = path.exists()
    saved = backup.newest_good(path, how.newest, how.patience) if existed else None
    new = backup.fresh(path)
    if saved is not None:
        backup.copy(saved, new, how.patience)
    prepare(new, how)
    aside = backup.set_aside(path, how.now)
    backup.install(new, path)
    return (account(path, aside, saved),) if existed and aside else ()


def prepare(new: Path, how: Opening) -> None:
    """Bring the file to its final form before it gets its name, so that no half-made database ever has it."""
    connection = connect(new, how.patience)
    try:
        migrate(connection, how.schema)
    finally:
        connection.close()


def account(path: Path, aside: Path, saved: Path | None) -> str:
    damage = f"The memory at {path} was damaged and has been set aside as {aside.name}."
    if saved is None:
        return f"{damage} There was no backup to restore: it starts empty."
    when = f"{backup.stamped(saved):%Y-%m-%d %H:%M} UTC"
    return f"{damage} The backup of {when} was restored: what was said since then is missing."


def make_private(path: Path) -> None:
    """Take others' rights away; never give the owner one, for a read-only file may be meant so."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        os.chmod(path, mode & 0o700)


def upgrade(connection: sqlite3.Connection, path: Path, how: Opening) -> None:
    if 0 < version(connection) < how.newest:
        backup.write_backup(path, how.now, how.patience)
    migrate(connection, how.schema)


def prove_writable(connection: sqlite3.Connection) -> None:
    """Find out now, not at the first message, that another process holds the file or it is read-only."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "DELETE FROM erasures WHERE id = 0"
        )  # BEGIN alone is content with a read-only file
    finally:
        connection.execute("ROLLBACK")
