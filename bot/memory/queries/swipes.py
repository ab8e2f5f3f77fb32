"""Swipes: the texts of an answer that was made anew, of which people choose one."""

import sqlite3

from bot.memory.queries import conversations
from bot.memory.queries.history import message_at
from bot.message import Message, Place

# the swipes of an answer that has others, in the order in which they were made
_SWIPES = (
    "SELECT swipes.id FROM answers JOIN answers swipes ON swipes.swipe_of = answers.swipe_of"
    " WHERE answers.id = ? ORDER BY swipes.id"
)


def link_swipes(connection: sqlite3.Connection, earlier: int, answer: int) -> None:
    """Note that an answer was made in place of an earlier one."""
    connection.execute("UPDATE answers SET swipe_of = coalesce(swipe_of, id) WHERE id = ?", (earlier,))
    connection.execute(
        "UPDATE answers SET swipe_of = (SELECT swipe_of FROM answers WHERE id = ?) WHERE id = ?",
        (earlier, answer),
    )


def swipes_of(connection: sqlite3.Connection, answer: int) -> list[int]:
    """Return the answers of which one stands in the history, this one among them."""
    return [row for (row,) in connection.execute(_SWIPES, (answer,))] or [answer]


def swipe_messages(connection: sqlite3.Connection, place: Place, message_id: str) -> tuple[Message, ...]:
    """Return the first message of each swipe of an answer; none for an unknown message."""
    answer = _answer_of(connection, place, message_id)
    return tuple(_first(connection, each) for each in swipes_of(connection, answer)) if answer else ()


def choose_swipe(connection: sqlite3.Connection, place: Place, message_id: str, index: int) -> Message | None:
    """Let another swipe stand in the history, and return its message; None where there is no such swipe."""
    answer = _answer_of(connection, place, message_id)
    swipes = swipes_of(connection, answer) if answer else []
    if not 0 <= index < len(swipes):
        return None
    connection.execute("UPDATE messages SET replaced = 1 WHERE answer = ?", (answer,))
    connection.execute("UPDATE messages SET replaced = 0 WHERE answer = ?", (swipes[index],))
    return _first(connection, swipes[index])


def _answer_of(connection: sqlite3.Connection, place: Place, message_id: str) -> int | None:
    where = conversations.place_row(connection, place)
    found = connection.execute(
        "SELECT answer FROM messages WHERE place = ? AND message_id = ?", (where, message_id)
    ).fetchone()
    return None if found is None else found[0]


def _first(connection: sqlite3.Connection, answer: int) -> Message:
    (row,) = connection.execute("SELECT min(id) FROM messages WHERE answer = ?", (answer,)).fetchone()
    return message_at(connection, row)


def rewrite_message(connection: sqlite3.Connection, place: Place, message_id: str, text: str) -> bool:
    """Change the text of a persona's message. Return False for an unknown one."""
    where = conversations.place_row(connection, place)
    changed = connection.execute(
        "UPDATE messages SET text = ? WHERE place = ? AND message_id = ? AND persona IS NOT NULL",
        (text, where, message_id),
    )
    return changed.rowcount == 1


def erase_answer(connection: sqlite3.Connection, place: Place, message_id: str, now: float) -> bool:
    """Erase the answer of a persona's message with all its swipes. Return False for an unknown one.

    The next finished erasure deletes copies in log and backups.
    """
    answer = _answer_of(connection, place, message_id)
    if answer is None:
        return False
    for each in swipes_of(connection, answer):
        connection.execute("DELETE FROM answers WHERE id = ?", (each,))
    connection.execute("INSERT INTO erasures (time) VALUES (?)", (now,))
    return True
