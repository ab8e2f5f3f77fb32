"""Opening a database file: created, restored from a backup if damaged, and migrated."""

import os
import sqlite3
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from bot.errors import UserError
from bot.memory.db import backup
from bot.memory.db.connection import connect, unwritable_sentence
from bot.memory.db.migration import migrate, schema_version, scripts
from bot.system.ownership import check_owner
from bot.system.rights import make_private

OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
SMALLEST = 512  # bytes of the smallest page; SQLite takes less for an empty database


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """Migrations, the time (Unix seconds), and the wait for other processes (seconds)."""

    schema: Traversable
    now: float
    patience: float

    @property
    def newest(self) -> int:
        return max(scripts(self.schema))


def make_folder(path: Path) -> None:
    """Make the file's folder. Raises `UserError` if no file can stand there, or one of another user does."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise UserError(
            f"SQLite {sqlite3.sqlite_version} is too old: alterego needs Python with SQLite 3.37 or newer."
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file: move it, or set ALTEREGO_DATA to another folder.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for suffix in (
        "",
        ".lock",
        *backup.SIDECARS,
    ):  # SQLite copies a log of that name into it
        check_owner(Path(f"{path}{suffix}"))


def open_file(path: Path, options: OpenOptions) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    """Open for writing. Return the connection, and notices about a damaged or restored file."""
    refuse_unwritable(path)
    notices = () if is_usable(path, options) else restore_or_create(path, options)
    make_private(path)
    connection = connect(path, options.patience)
    try:
        back_up_and_migrate(connection, path, options)
        prove_writable(connection)
    except BaseException:
        connection.close()
        raise
    return connection, notices


def refuse_unwritable(path: Path) -> None:
    """Raise `UserError` for an unwritable file, before SQLite leaves a log with the same rights."""
    effective = os.access in os.supports_effective_ids
    if path.exists() and not os.access(path, os.R_OK | os.W_OK, effective_ids=effective):
        raise UserError(unwritable_sentence(path))


def is_usable(path: Path, options: OpenOptions) -> bool:
    if not path.exists() or path.stat().st_size < SMALLEST:
        return False
    return backup.is_sound(path, options.newest, options.patience)


def restore_or_create(path: Path, options: OpenOptions) -> tuple[str, ...]:
    """Replace an unusable file by the newest good backup or an empty database. Return the notices."""
    existed = path.exists()
    saved = backup.newest_good(path, options.newest, options.patience) if existed else None
    new = backup.create_draft(path)
    if saved is not None:
        backup.copy_database(saved, new, options.patience)
    migrate_file(new, options)
    aside = backup.set_aside(path, options.now)
    backup.rename_draft(new, path)
    return (restored_notice(path, aside, saved),) if existed and aside else ()


def migrate_file(new: Path, options: OpenOptions) -> None:
    """Migrate a draft before it gets its name, so that no half-made database has that name."""
    connection = connect(new, options.patience)
    try:
        migrate(connection, options.schema)
    finally:
        connection.close()


def restored_notice(path: Path, aside: Path, saved: Path | None) -> str:
    damage = f"The memory at {path} was damaged and has been set aside as {aside.name}."
    if saved is None:
        return f"{damage} There was no backup to restore: it starts empty."
    when = f"{backup.written_at(saved):%Y-%m-%d %H:%M} UTC"
    return f"{damage} The backup of {when} was restored: later messages are missing."


def back_up_and_migrate(connection: sqlite3.Connection, path: Path, options: OpenOptions) -> None:
    if 0 < schema_version(connection) < options.newest:
        backup.write_backup(path, options.now, options.patience)
    migrate(connection, options.schema)


def prove_writable(connection: sqlite3.Connection) -> None:
    """Fail now, not at the first message, if another process holds the file or the file is read-only."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "DELETE FROM erasures WHERE id = 0"
        )  # BEGIN alone is content with a read-only file
    finally:
        connection.execute("ROLLBACK")
