"""SQLite files of exports: a copy is opened, since an open database writes beside its file."""

import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.errors import UserError
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import WAL, Source

MAGIC = b"SQLite format 3\x00"
_VALUE = 64 << 20  # bytes of the longest text or blob
# Steps of SQLite's machine for each byte, of which rows of a few bytes take 3, and for any file.
_STEPS, _FIRST_STEPS = 200, 200_000_000
_GENERATED = (2, 3)  # `hidden` of a virtual and of a stored column (SQLite's PRAGMA table_xinfo)
_STRIDE = 1_000_000  # steps between two looks at their number


def has_tables(head: FileHead, *names: str) -> bool:
    """Return True for the head of a database with these tables, as far as their names lie in it."""
    return head.raw.startswith(MAGIC) and all(
        any(f"{before}{name}".encode() in head.raw for before in ("TABLE ", 'TABLE "', "TABLE [", "TABLE `"))
        for name in names
    )


@contextmanager
def open_database(source: Source) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database, with its write-ahead log if that lies beside it, and delete it at the end.

    Rows are `sqlite3.Row`; text that is no UTF-8 has replacement characters. Views and triggers run nothing
    that a stranger wrote. Raises UserError for a file that is no whole database or takes far more steps than
    its size explains, while rows are read as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "export.db")
        with copy.open("wb") as file:
            file.writelines(source.chunks(again=True))
        log = copy.with_name(copy.name + WAL)
        _copy_log(source, log)
        size = copy.stat().st_size + (log.stat().st_size if log.exists() else 0)
        try:
            with closing(sqlite3.connect(copy)) as database:
                _restrict(database, size)
                yield database
        except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite repeats a damaged name in its message
            reason = error if isinstance(error, sqlite3.Error) else "a name in it is damaged"
            raise UserError(
                f"{source} is no database that can be read ({reason}): export or copy it again."
            ) from None


def _copy_log(source: Source, target: Path) -> None:
    file = Path(source.root, source.path) if source.path else Path(source.root)
    if source.log:
        with target.open("wb") as log:
            log.writelines(source.log.chunks(again=True))
    elif (beside := file.with_name(file.name + WAL)).is_file():
        shutil.copyfile(beside, target)


def _restrict(database: sqlite3.Connection, size: int) -> None:
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.row_factory = sqlite3.Row
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.executescript("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON")
    database.set_progress_handler(_step_counter(_FIRST_STEPS + size * _STEPS), _STRIDE)


def _step_counter(most: int) -> Callable[[], bool]:
    """Return a function that SQLite calls after each stride; True interrupts the statement."""
    strides = itertools.count(1)
    return lambda: next(strides) * _STRIDE > most


def columns_of(database: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the names of a table's columns; none for a view or a virtual table, or where there is none.

    Raises sqlite3.Error for a table that computes a column: a stranger's expression can take any time.
    """
    kind = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ? COLLATE NOCASE"
    if not database.execute(kind, (table,)).fetchone():
        return frozenset()
    columns = database.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,)).fetchall()
    if any(column["hidden"] in _GENERATED for column in columns):
        raise sqlite3.DatabaseError(f"the table {table} computes columns")
    return frozenset(column["name"] for column in columns)


def check_tables(database: sqlite3.Connection, *names: str) -> None:
    """Raise sqlite3.Error where one of these is no table, or one that computes columns."""
    for name in names:
        if not columns_of(database, name):
            raise sqlite3.OperationalError(f"no such table: {name}")
