"""Notices about messages with something that nobody here can read: one for each author in a place."""

import sqlite3

from bot.memory.queries import conversations, outbox
from bot.memory.queries.history import row_of
from bot.memory.queries.records import Outgoing
from bot.message import Message


def tell_unread(connection: sqlite3.Connection, message: Message, notice: str) -> tuple[Outgoing, ...]:
    """Store and return a notice about an unread message, once for its author in its place."""
    where = conversations.place_row(connection, message.place)
    row = where and row_of(connection, where, message.id)
    if not where or not row or was_told_unread(connection, where, row, message.author.id):
        return ()
    key = outbox.part_key(message.place, message.id, "unread", 0)
    outbox.enqueue_part(connection, key, where, notice, message=row, reply_to=message.id)
    return outbox.with_key(connection, key)


def was_told_unread(connection: sqlite3.Connection, place: int, row: int, author_id: str) -> bool:
    """Return whether an earlier unread message of an author called for an answer in the place."""
    earlier = connection.execute(
        "SELECT 1 FROM messages JOIN inbox ON inbox.message = messages.id WHERE messages.place = ?"
        " AND author_id = ? AND messages.persona IS NULL AND unread"
        " AND state != 'ignored' AND id < ? LIMIT 1",
        (place, author_id, row),
    )
    return earlier.fetchone() is not None
