"""The stored messages of a place, page by page from the newest, also those from before the last reset."""

import sqlite3
from dataclasses import dataclass

from bot.memory.queries import conversations
from bot.memory.queries.history import message_from_row
from bot.memory.queries.quotations import quotations_of
from bot.message import Message, Place

Position = tuple[int, int]  # anchor and number, by which messages are ordered
_BEYOND = (2**63 - 1, 2**63 - 1)  # behind every message


@dataclass(frozen=True, slots=True)
class PagedMessage:
    """A stored message, its position, and whether it stands behind the last reset."""

    message: Message
    position: Position
    is_read: bool


def known_place(connection: sqlite3.Connection, place: Place) -> Place | None:
    """Return a stored place with its server; None where nothing is stored of it."""
    row = conversations.place_row(connection, place)
    return None if row is None else conversations.place_of(connection, row)


def read_page(
    connection: sqlite3.Connection, place: Place, before: Position | None, limit: int
) -> tuple[PagedMessage, ...]:
    """Return the newest messages that stand before a position, newest first; replaced ones are left out."""
    where = conversations.place_row(connection, place)
    if where is None:
        return ()
    since = conversations.last_reset(connection, where)
    rows = connection.execute(
        "SELECT anchor, number, id, message_id, author_id, author_name, is_bot, text, time, address,"
        " reply_to, persona, unread FROM messages WHERE place = ?1 AND NOT replaced"
        " AND (anchor, number) < (?2, ?3) ORDER BY anchor DESC, number DESC LIMIT ?4",
        (where, *(before or _BEYOND), limit),
    ).fetchall()
    quotations = quotations_of(connection, [row[2] for row in rows])
    return tuple(
        PagedMessage(message_from_row(place, row[2:], quotations), (row[0], row[1]), row[0] >= since)
        for row in rows
    )
