"""Ignored messages that an edit makes an address."""

import sqlite3

from bot.memory.queries import conversations
from bot.memory.queries.history import row_of
from bot.message import Place


def reopen_message(connection: sqlite3.Connection, place: Place, message_id: str) -> bool:
    """Accept an ignored message again: an edit made it call for an answer. Return False for any other."""
    where = conversations.place_row(connection, place)
    row = where and row_of(connection, where, message_id)
    reopened = connection.execute(
        "UPDATE inbox SET state = 'accepted', rule = '', decided = 0 WHERE message = ? AND state = 'ignored'",
        (row,),
    )
    return reopened.rowcount == 1


def ignoring_rule(connection: sqlite3.Connection, place: Place, message_id: str) -> str | None:
    """Return the rule by which a message was ignored; None for any other message."""
    where = conversations.place_row(connection, place)
    row = where and row_of(connection, where, message_id)
    found = connection.execute(
        "SELECT rule FROM inbox WHERE message = ? AND state = 'ignored'", (row,)
    ).fetchone()
    return found and str(found[0])
