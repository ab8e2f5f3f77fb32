"""SQLite connections: durable, with secure deletion, safe from text that SQLite cannot store."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import TypeVar

from bot.errors import UserError
from bot.system.replacing import FileInUse

T = TypeVar("T")
Value = str | int | float | None

PRAGMAS = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_mode = WAL",
)
POISON = re.compile("[\x00\ud800-\udfff]")
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Connection(sqlite3.Connection):
    """A connection that stores any text.

    SQLite refuses lone surrogates, which become U+FFFD, and cuts text at NUL, which is dropped.
    """

    def execute(self, sql: str, values: Sequence[Value] = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        return super().execute(
            sql, [storable(value) if isinstance(value, str) else value for value in values]
        )


def storable(text: str) -> str:
    return POISON.sub(lambda match: "" if match[0] == "\x00" else "\ufffd", text)


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Open for reading and writing. Each statement waits `patience` seconds for other processes."""
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, factory=Connection)
    try:
        for pragma in PRAGMAS:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", timeout=patience, isolation_level=None, uri=True
    )


def transaction(connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], T]) -> T:
    """Run the function as one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = function(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def result_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error of the Python module."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def user_errors(path: Path) -> Iterator[None]:
    """Turn errors that a person can mend into `UserError`; others pass."""
    try:
        yield
    except sqlite3.Error as error:
        sentence = sentences(path).get(result_code(error))
        if sentence is None:
            raise
        raise UserError(sentence) from error
    except OSError as error:
        raise UserError(os_error_sentence(path, error)) from error


def sentences(path: Path) -> dict[int, str]:
    """Return the sentences for a person, by SQLite's result code."""
    busy = busy_sentence(path)
    damaged = f"The memory at {path} is damaged: start again, and the newest backup will be restored."
    return {
        sqlite3.SQLITE_BUSY: busy,
        sqlite3.SQLITE_LOCKED: busy,
        sqlite3.SQLITE_CORRUPT: damaged,
        sqlite3.SQLITE_NOTADB: damaged,
        sqlite3.SQLITE_FULL: f"The disk that holds {path} is full: free some space and try again.",
        sqlite3.SQLITE_IOERR: f"{path} could not be read or written: check the disk and its free space.",
        sqlite3.SQLITE_READONLY: unwritable_sentence(path),
        sqlite3.SQLITE_CANTOPEN: unwritable_sentence(path),
    }


def busy_sentence(path: Path) -> str:
    return f"Another program is using {path}: close it and try again."


def os_error_sentence(path: Path, error: OSError) -> str:
    if isinstance(error, FileInUse):
        return busy_sentence(Path(error.filename or path))
    if error.errno in (EACCES, EPERM, EROFS):
        return unwritable_sentence(path)
    if error.errno in (ENOSPC, EDQUOT):
        return f"The disk that holds {path} is full: free some space and try again."
    return f"{path} cannot be used ({error.strerror}): mend that, or set ALTEREGO_DATA to another folder."


def unwritable_sentence(path: Path) -> str:
    return f"{path} cannot be written: allow it for file and folder, or set ALTEREGO_DATA to another folder."
