"""Copies of the database file: checked, set aside when damaged, written, found and deleted."""

import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import UserError
from bot.files import sync_folder
from bot.memory.db.connection import DAMAGED, code, connect_for_reading
from bot.memory.db.migration import APPLICATION_ID, version

KEPT = 3
STAMP = "%Y%m%dT%H%M%S%fZ"
SIDECARS = ("-wal", "-shm", "-journal")


def stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime(STAMP)


def stamped(backup: Path) -> datetime:
    """When a backup was written, by its name. Raises `ValueError` for a foreign name."""
    return datetime.strptime(backup.stem.partition("-")[2], STAMP).replace(tzinfo=UTC)


def is_sound(path: Path, newest: int, patience: float) -> bool:
    """Whether SQLite finds the file whole. Raises `UserError` for a foreign or a newer one."""
    try:
        with closing(connect_for_reading(path, patience)) as connection:
            refuse_foreign(connection, path, newest)
            return connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError as error:
        if code(error) in DAMAGED:
            return False
        raise


def refuse_foreign(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    blank = not application and not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and not blank:
        raise UserError(
            f"{path} is a database of another program: move it, or set ALTEREGO_DATA to another folder."
        )
    if version(connection) > newest:
        raise UserError(
            f"{path} was written by a newer alterego: update, or set ALTEREGO_DATA to another folder."
        )


def set_aside(path: Path, now: float) -> Path | None:
    """Give the file another name, ready to be replaced, and move what SQLite keeps beside it out of the way.

    Returns the new name, or None without a file. By a link where there are links: then no moment is without
    a file under the old name, and a start that is killed here is followed by one that restores the backup.
    """
    aside = path.with_name(f"{path.name}.corrupt-{stamp(now)}")
    for suffix in SIDECARS:
        if os.path.lexists(f"{path}{suffix}"):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    if not path.exists():
        return None
    try:
        os.link(path, aside)
    except OSError:
        os.rename(path, aside)
    return aside


def backups(path: Path) -> list[Path]:
    """The backups of this database, newest first."""
    name = re.compile(rf"{re.escape(path.stem)}-\d{{8}}T\d{{12}}Z\.db")
    return sorted((file for file in folder_of(path).glob("*.db") if name.fullmatch(file.name)), reverse=True)


def folder_of(path: Path) -> Path:
    return path.parent / "backups"


def newest_good(path: Path, newest: int, patience: float) -> Path | None:
    return next((backup for backup in backups(path) if is_good(backup, newest, patience)), None)


def is_good(backup: Path, newest: int, patience: float) -> bool:
    try:
        return backup.stat().st_size > 0 and is_sound(backup, newest, patience)
    except UserError:
        return False


def write_backup(path: Path, now: float, patience: float) -> Path:
    """Copy a snapshot into backups/ while others read and write, and delete all but the newest `KEPT`."""
    folder_of(path).mkdir(mode=0o700, exist_ok=True)
    backup = folder_of(path) / f"{path.stem}-{stamp(now)}.db"
    new = fresh(folder_of(path) / path.name)
    copy(path, new, patience)
    install(new, backup)
    for old in backups(path)[KEPT:]:
        old.unlink()
    return backup


def copy(path: Path, target: Path, patience: float) -> None:
    """Copy by SQLite, so that what stands in the log is copied too; the copy is one file without a log."""
    with (
        closing(connect_for_reading(path, patience)) as source,
        closing(sqlite3.connect(target, isolation_level=None)) as connection,
    ):
        source.backup(connection)
        connection.execute("PRAGMA journal_mode = DELETE")


def fresh(path: Path) -> Path:
    """An empty private file beside `path`, which `install` renames once it is whole."""
    new = path.with_name(f"{path.name}.new")
    for suffix in (*SIDECARS, ""):
        Path(f"{new}{suffix}").unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return new


def install(new: Path, path: Path) -> None:
    """Give the file that `fresh` made its name, in place of any file that has it, and make that durable."""
    os.replace(new, path)
    sync_folder(path.parent)


def delete_copies(path: Path) -> tuple[int, int]:
    """Delete every backup and every file set aside, whole or half written; returns how many of each."""
    halves = [*path.parent.glob(f"{path.name}.new*"), *folder_of(path).glob(f"{path.name}.new*")]
    asides = list(path.parent.glob(f"{path.name}.corrupt-*"))
    whole = backups(path)
    for file in (*halves, *asides, *whole):
        file.unlink(missing_ok=True)
    return len(whole), sum(not aside.name.endswith(SIDECARS) for aside in asides)
