"""SQLite files of exports: a copy is opened, since an open database writes beside its file."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.errors import UserError
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source

MAGIC = b"SQLite format 3\x00"
_VALUE = 64 << 20  # bytes of the longest text or blob
_WAL = "-wal"  # what was written last and is not in the file yet


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
    that a stranger wrote. Raises UserError for a file that is no whole database, while rows are read as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "export.db")
        with copy.open("wb") as file:
            file.writelines(source.chunks(again=True))
        log = Path(source.root, source.path) if source.path else Path(source.root)
        if (beside := log.with_name(log.name + _WAL)).is_file():
            shutil.copyfile(beside, copy.with_name(copy.name + _WAL))
        try:
            with closing(sqlite3.connect(copy)) as database:
                _restrict(database)
                yield database
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the message may quote broken bytes
            raise UserError(
                f"{source} is no database that can be read ({error}): export or copy it again."
            ) from None


def _restrict(database: sqlite3.Connection) -> None:
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.row_factory = sqlite3.Row
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.executescript("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON")


def columns_of(database: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the names of a table's columns; none for a view or where there is no such table."""
    kind = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    if not database.execute(kind, (table,)).fetchone():
        return frozenset()
    return frozenset(
        row["name"] for row in database.execute("SELECT name FROM pragma_table_info(?)", (table,))
    )
