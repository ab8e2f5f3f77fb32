"""Erasure of a place or a person, so that no byte of their messages is left in any file."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from bot.memory.db.connection import result_code
from bot.memory.queries import conversations, traces
from bot.memory.queries.quotations import erase_author_quotations, places_quoting
from bot.memory.queries.records import Erased
from bot.message import Place


def erase_place(connection: sqlite3.Connection, place: Place, now: float) -> Erased:
    before = count_rows(connection)
    where = conversations.place_row(connection, place)
    if where is not None:
        connection.execute("DELETE FROM places WHERE id = ?", (where,))
    connection.execute("DELETE FROM settings WHERE scope = ?", (str(place),))
    connection.execute("INSERT INTO erasures (time) VALUES (?)", (now,))
    return difference(before, count_rows(connection))


def erase_author(connection: sqlite3.Connection, author_id: str, platform: str | None, now: float) -> Erased:
    before = count_rows(connection)
    found = connection.execute(
        "SELECT messages.id, messages.place FROM messages JOIN places ON places.id = messages.place"
        " WHERE author_id = ?1 AND persona IS NULL AND (?2 IS NULL OR platform = ?2)",
        (author_id, platform),
    ).fetchall()
    traces.erase_texts_naming(connection, author_id, platform)
    read_in = {place for _, place in found} | places_quoting(connection, author_id, platform)
    first = traces.first_numbers(connection, author_id, read_in)
    erase_author_quotations(connection, author_id, platform)
    for place in {*first, *traces.own_chats(connection, author_id, platform)}:
        if is_alone(connection, author_id, place):
            traces.delete_place(connection, place)
    erase_messages(connection, {row for row, _ in found})
    traces.erase_ids(connection, author_id, platform)
    kept, kept_in = traces.kept_answers(connection, first)
    connection.execute("INSERT INTO erasures (time) VALUES (?)", (now,))
    return replace(difference(before, count_rows(connection)), kept=kept, kept_in=kept_in)


def erase_messages(connection: sqlite3.Connection, rows: set[int]) -> None:
    """Delete messages of one person, and the answers to these alone."""
    for answer in {answer for row in rows for answer in answers_about(connection, row)}:
        if addressees(connection, answer) <= rows:
            connection.execute("DELETE FROM answers WHERE id = ?", (answer,))
    for row in rows:
        connection.execute("DELETE FROM messages WHERE id = ?", (row,))


def is_alone(connection: sqlite3.Connection, author_id: str, place: int) -> bool:
    """Return whether no other person ever spoke in a place."""
    other = connection.execute(
        "SELECT 1 FROM messages WHERE place = ? AND author_id != ? AND persona IS NULL AND NOT is_bot"
        " LIMIT 1",
        (place, author_id),
    ).fetchone()
    return other is None


def answers_about(connection: sqlite3.Connection, row: int) -> list[int]:
    """Return the answers to a message, and those to nobody right behind it."""
    found = connection.execute(
        "SELECT answer FROM answered WHERE message = ?1 UNION SELECT id FROM answers WHERE read = ?1", (row,)
    )
    return [answer for (answer,) in found]


def addressees(connection: sqlite3.Connection, answer: int) -> set[int]:
    """Return the messages that an answer answered, or the one it stands behind if it answered none."""
    answered = connection.execute("SELECT message FROM answered WHERE answer = ?", (answer,)).fetchall()
    read = connection.execute("SELECT read FROM answers WHERE id = ?", (answer,)).fetchall()
    return {row for (row,) in answered or read}


def count_rows(connection: sqlite3.Connection) -> Erased:
    return Erased(
        *connection.execute(
            "SELECT (SELECT count(*) FROM places), (SELECT count(*) FROM messages),"
            " (SELECT count(*) FROM answers), (SELECT count(*) FROM outbox),"
            " (SELECT count(*) FROM settings), (SELECT count(*) FROM quotations)"
        ).fetchone()
    )


def difference(before: Erased, after: Erased) -> Erased:
    return Erased(
        before.places - after.places,
        before.messages - after.messages,
        before.answers - after.answers,
        before.outgoing - after.outgoing,
        before.settings - after.settings,
        before.quotations - after.quotations,
    )


def vacuum(connection: sqlite3.Connection) -> None:
    """Rewrite the database: deleted cells are zeroed, but pages keep copies of cells that moved away."""
    connection.execute("VACUUM")


def is_unfinished(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM erasures LIMIT 1").fetchone() is not None


def finish_erasures(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM erasures")


def truncate_wal(path: Path, patience: float) -> bool:
    """Write the log into the database and truncate it. Return False if a reader holds an old snapshot.

    Run it between transactions, on the database's thread: a stream of transactions would outlast the
    patience. A connection of its own waits `patience` seconds at most, so that transactions wait no longer.
    """
    with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
        try:
            busy, left, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if result_code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            return False
    return not busy and left <= 0


def processes_reading(path: Path) -> str:
    """Return the names of processes that have the database open (Linux), and so hold its log."""
    held = {f"{path.resolve()}{suffix}" for suffix in ("", "-wal", "-shm")}
    names = [
        f"process {process.name}" for process in Path("/proc").glob("[0-9]*") if held & open_files(process)
    ]
    return " and ".join(names) or "Another program"


def open_files(process: Path) -> set[str]:
    try:
        return {str(file.readlink()) for file in (process / "fd").iterdir()}
    except OSError:  # the process has ended, or belongs to another user
        return set()
