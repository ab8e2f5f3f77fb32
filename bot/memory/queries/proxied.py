"""Messages that people say through a proxy, which says them anew and deletes the first copy."""

import sqlite3

from bot.memory.queries import conversations
from bot.message import Message, Place

_NEWEST = 200  # messages of a place that are looked at
_LONGEST_TAGS = 40  # characters around the words, by which a proxy knows who speaks
_MOST_SECONDS = 10.0  # between the first copy and the proxy's


def has_proxied(connection: sqlite3.Connection, place: Place) -> bool:
    """Return whether one of the newest messages of a place has an author behind a webhook."""
    found = connection.execute(
        "SELECT 1 FROM (SELECT author_id FROM messages WHERE place = ? AND persona IS NULL"
        " AND NOT replaced ORDER BY anchor DESC, number DESC LIMIT ?) WHERE author_id LIKE '%:%' LIMIT 1",
        (conversations.place_row(connection, place), _NEWEST),
    )
    return found.fetchone() is not None


def is_answered_copy(connection: sqlite3.Connection, message: Message) -> bool:
    """Return whether a person said the words of a proxied message just before, and was answered."""
    rows = connection.execute(
        "SELECT text FROM (SELECT id, text, time, author_id FROM messages WHERE place = ? AND persona IS NULL"
        " AND NOT replaced ORDER BY anchor DESC, number DESC LIMIT ?) AS newest"
        " JOIN inbox ON inbox.message = newest.id"
        " WHERE state = 'answered' AND author_id NOT LIKE '%:%' AND time BETWEEN ? AND ?",
        (
            conversations.place_row(connection, message.place),
            _NEWEST,
            message.time - _MOST_SECONDS,
            message.time,
        ),
    )
    words = message.text.strip()
    return any(words in said and len(said) - len(words) <= _LONGEST_TAGS for (said,) in rows if words)
