"""Ignored messages that an edit makes an address."""

import sqlite3

from bot.memory.queries import conversations
from bot.memory.queries.history import row_of
from bot.message import Message, Place


def reopen_message(connection: sqlite3.Connection, message: Message) -> bool:
    """Accept an ignored message again, with the address of its edit. Return False for any other message."""
    where = conversations.place_row(connection, message.place)
    row = where and row_of(connection, where, message.id)
    reopened = connection.execute(
        "UPDATE inbox SET state = 'accepted', rule = '', decided = 0 WHERE message = ? AND state = 'ignored'",
        (row,),
    )
    if reopened.rowcount != 1:
        return False
    connection.execute("UPDATE messages SET address = ? WHERE id = ?", (message.address, row))
    return True


def ignoring_rule(connection: sqlite3.Connection, place: Place, message_id: str) -> str | None:
    """Return the rule by which a message was ignored; None for any other message."""
    where = conversations.place_row(connection, place)
    row = where and row_of(connection, where, message_id)
    found = connection.execute(
        "SELECT rule FROM inbox WHERE message = ? AND state = 'ignored'", (row,)
    ).fetchone()
    return found and str(found[0])
