"""Copies of the database file: backups, files set aside as damaged, and half-written drafts."""

import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import UserError
from bot.files import create_private, sync_folder
from bot.memory.db.connection import DAMAGED, connect_for_reading, result_code
from bot.memory.db.migration import APPLICATION_ID, schema_version
from bot.system import replacing
from bot.system.ownership import check_owner

KEPT = 3
STAMP = "%Y%m%dT%H%M%S%fZ"
SIDECARS = ("-wal", "-shm", "-journal")


def timestamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime(STAMP)


def written_at(backup: Path) -> datetime:
    """Return the time of a backup by its name. Raises `ValueError` for a foreign name."""
    return datetime.strptime(backup.stem.partition("-")[2], STAMP).replace(tzinfo=UTC)


def is_sound(path: Path, newest: int, patience: float) -> bool:
    """Return whether SQLite finds the file whole. Raises `UserError` for a foreign or newer file."""
    try:
        with closing(connect_for_reading(path, patience)) as connection:
            refuse_foreign(connection, path, newest)
            return connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError as error:
        if result_code(error) in DAMAGED:
            return False
        raise


def refuse_foreign(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    blank = not application and not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and not blank:
        raise UserError(
            f"{path} is a database of another program: move it, or set ALTEREGO_DATA to another folder."
        )
    if schema_version(connection) > newest:
        raise UserError(
            f"{path} was written by a newer alterego: update, or set ALTEREGO_DATA to another folder."
        )


def set_aside(path: Path, now: float) -> Path | None:
    """Rename a damaged file and its sidecars, so that the file can be replaced. Return the new path, or None.

    A hard link keeps the old name where the file system has links: then a file stands under the old name at
    every moment, and a start that is killed here is followed by one that restores the backup.
    """
    aside = path.with_name(f"{path.name}.corrupt-{timestamp(now)}")
    for suffix in SIDECARS:
        if os.path.lexists(f"{path}{suffix}"):
            replacing.replace(Path(f"{path}{suffix}"), Path(f"{aside}{suffix}"))
    if not path.exists():
        return None
    try:
        os.link(path, aside)
    except OSError:
        replacing.replace(path, aside)
    return aside


def list_backups(path: Path) -> list[Path]:
    """Return the backups of this database, newest first."""
    name = re.compile(rf"{re.escape(path.stem)}-\d{{8}}T\d{{12}}Z\.db")
    return sorted(
        (file for file in backup_folder(path).glob("*.db") if name.fullmatch(file.name)), reverse=True
    )


def backup_folder(path: Path) -> Path:
    return path.parent / "backups"


def newest_good(path: Path, newest: int, patience: float) -> Path | None:
    return next((backup for backup in list_backups(path) if is_good(backup, newest, patience)), None)


def is_good(backup: Path, newest: int, patience: float) -> bool:
    try:
        check_owner(backup)
        return backup.stat().st_size > 0 and is_sound(backup, newest, patience)
    except UserError:
        return False


def write_backup(path: Path, now: float, patience: float) -> Path:
    """Copy a snapshot into backups/ beside readers and writers, and delete all but the newest `KEPT`."""
    backup_folder(path).mkdir(mode=0o700, exist_ok=True)
    backup = backup_folder(path) / f"{path.stem}-{timestamp(now)}.db"
    new = create_draft(backup_folder(path) / path.name)
    copy_database(path, new, patience)
    rename_draft(new, backup)
    for old in list_backups(path)[KEPT:]:
        replacing.delete(old)
    return backup


def copy_database(path: Path, target: Path, patience: float) -> None:
    """Copy by SQLite, so that the write-ahead log is copied too. The copy is one file without a log."""
    with (
        closing(connect_for_reading(path, patience)) as source,
        closing(sqlite3.connect(target, isolation_level=None)) as connection,
    ):
        source.backup(connection)
        connection.execute("PRAGMA journal_mode = DELETE")


def create_draft(path: Path) -> Path:
    """Create an empty private file beside `path`, which `rename_draft` renames once it is whole."""
    new = path.with_name(f"{path.name}.new")
    for suffix in (*SIDECARS, ""):
        replacing.delete(Path(f"{new}{suffix}"))
    create_private(new).close()
    return new


def rename_draft(new: Path, path: Path) -> None:
    """Rename a draft over the file of that name, durably."""
    replacing.replace(new, path)
    sync_folder(path.parent)


def delete_copies(path: Path) -> tuple[int, int]:
    """Delete every backup and file set aside, whole or half-written. Return the number of each."""
    halves = [*path.parent.glob(f"{path.name}.new*"), *backup_folder(path).glob(f"{path.name}.new*")]
    asides = list(path.parent.glob(f"{path.name}.corrupt-*"))
    whole = list_backups(path)
    for file in (*halves, *asides, *whole):
        replacing.delete(file)
    return len(whole), sum(not aside.name.endswith(SIDECARS) for aside in asides)
