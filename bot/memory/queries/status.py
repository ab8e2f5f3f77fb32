"""Counts of memory, whole and by place."""

import sqlite3

from bot.memory.queries.records import MemoryStatus, Remembered, Waiting
from bot.message import Place

WAITING = (
    "SELECT (SELECT count(*) FROM inbox WHERE state = 'accepted'),"
    " (SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending') AND text != '')"
)


def read_status(connection: sqlite3.Connection) -> MemoryStatus:
    messages, places, unsent, dead = connection.execute(
        "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM places),"
        " (SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending') AND text != ''),"
        " (SELECT count(*) FROM dead_letters)"
    ).fetchone()
    inbox = dict(connection.execute("SELECT state, count(*) FROM inbox GROUP BY state"))
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    return MemoryStatus(inbox, unsent, messages, places, pages * page, dead)


def count_waiting(connection: sqlite3.Connection) -> Waiting:
    """Count by indexes that hold the waiting rows alone: the cost grows with these, not with the history."""
    return Waiting(*connection.execute(WAITING).fetchone())


def remembered_places(connection: sqlite3.Connection) -> tuple[Remembered, ...]:
    rows = connection.execute(
        "SELECT platform, account, chat, thread, server, count(messages.id), max(time)"
        " FROM places LEFT JOIN messages ON messages.place = places.id GROUP BY places.id ORDER BY places.id"
    )
    return tuple(Remembered(Place(*row[:4], server=row[4]), *row[5:]) for row in rows.fetchall())


def has_messages(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM messages LIMIT 1").fetchone() is not None
