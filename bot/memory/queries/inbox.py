"""The inbox: messages of people, from accepted to ignored, answered or given up."""

import sqlite3
from collections.abc import Sequence

from bot.memory.queries import conversations, outbox
from bot.memory.queries.history import message_at, row_of, sent_row
from bot.memory.queries.quotations import insert_quotations
from bot.memory.queries.records import Outgoing
from bot.message import Message, Place, Quotation

SUSPECT_ATTEMPTS, MAX_ATTEMPTS = 2, 3  # processes that ended while a message was being answered


def accept_message(connection: sqlite3.Connection, message: Message, now: float) -> bool:
    place = conversations.ensure_place(connection, message.place)
    if row_of(connection, place, message.id) is not None or outbox.was_sent(connection, place, message.id):
        return False
    row = append_message(connection, message, place)
    connection.execute("INSERT INTO inbox (message, place, accepted) VALUES (?, ?, ?)", (row, place, now))
    conversations.move_cursor(connection, place, message.id)
    return True


def record_message(connection: sqlite3.Connection, message: Message, rule: str, now: float) -> bool:
    """Store a message that nobody answers. Return False if the message is known.

    The cursor of its place stays: the message may be no message of the platform's, such as a reaction.
    """
    place = conversations.ensure_place(connection, message.place)
    if row_of(connection, place, message.id) is not None:
        return False
    row = append_message(connection, message, place)
    connection.execute(
        "INSERT INTO inbox (message, place, accepted, state, rule) VALUES (?, ?, ?, 'ignored', ?)",
        (row, place, now, rule),
    )
    return True


def append_message(connection: sqlite3.Connection, message: Message, place: int) -> int:
    """Store a person's message at the end of the history, with its quotations; return its row.

    A reply's message is quoted from memory where memory holds it.
    """
    number = conversations.next_number(connection, place)
    row = insert_message(connection, message, place, anchor=number, number=number, answer=None)
    unknown = (each for each in message.quotations if not is_stored(connection, place, each))
    insert_quotations(connection, row, unknown)
    return row


def is_stored(connection: sqlite3.Connection, place: int, quotation: Quotation) -> bool:
    """Return whether memory holds the whole message that a quotation quotes."""
    if quotation.kind != "reply":
        return False
    source = quotation.source
    return row_of(connection, place, source) is not None or sent_row(connection, place, source) is not None


def insert_message(
    connection: sqlite3.Connection,
    message: Message,
    place: int,
    *,
    anchor: int,
    number: int,
    answer: int | None,
) -> int:
    author = message.author
    values = (
        place,
        anchor,
        number,
        message.id,
        author.id,
        author.name,
        author.is_bot,
        message.text,
        message.time,
    )
    row = connection.execute(
        "INSERT INTO messages (place, anchor, number, message_id, author_id, author_name, is_bot, text, time,"
        " address, reply_to, persona, unread, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, message.address, message.reply_to, message.persona, message.unread, answer),
    ).lastrowid
    assert row is not None
    return row


def rows_of(connection: sqlite3.Connection, place: int, message_ids: Sequence[str]) -> list[tuple[str, int]]:
    """Return id and row of each known message, in the given order, none twice."""
    found = ((given, row_of(connection, place, given)) for given in dict.fromkeys(message_ids))
    return [(given, row) for given, row in found if row is not None]


def ignore_message(connection: sqlite3.Connection, place: Place, message_id: str, rule: str) -> None:
    where = conversations.place_row(connection, place)
    row = where and row_of(connection, where, message_id)
    if where and row:
        connection.execute(
            "UPDATE inbox SET state = 'ignored', rule = ?, decided = ?"
            " WHERE message = ? AND state = 'accepted'",
            (rule, conversations.next_number(connection, where), row),
        )


def begin_attempt(
    connection: sqlite3.Connection, place: Place, message_ids: Sequence[str], persona: str, rule: str
) -> tuple[str, ...]:
    where = conversations.place_row(connection, place)
    if where is None:
        return ()
    decided = conversations.next_number(connection, where)
    known = rows_of(connection, where, message_ids)
    return tuple(given for given, row in known if count_attempt(connection, row, decided, persona, rule))


def count_attempt(connection: sqlite3.Connection, row: int, decided: int, persona: str, rule: str) -> bool:
    """Count an attempt at a message. Return False for one that is no longer in state "accepted"."""
    tried = connection.execute(
        "UPDATE inbox SET attempts = attempts + 1, decided = ?, persona = ?, rule = ?"
        " WHERE message = ? AND state = 'accepted'",
        (decided, persona, rule, row),
    )
    return tried.rowcount == 1


def attempts_at(connection: sqlite3.Connection, place: Place, message_id: str) -> int:
    found = connection.execute(
        "SELECT attempts FROM inbox JOIN messages ON messages.id = message"
        " WHERE messages.place = ? AND message_id = ?",
        (conversations.place_row(connection, place), message_id),
    ).fetchone()
    return found[0] if found else 0


def withdraw_attempt(connection: sqlite3.Connection, place: Place, message_ids: Sequence[str]) -> None:
    where = conversations.place_row(connection, place)
    for _, row in rows_of(connection, where, message_ids) if where else ():
        connection.execute(
            "UPDATE inbox SET attempts = max(attempts - 1, 0) WHERE message = ? AND state = 'accepted'",
            (row,),
        )


def give_up_messages(
    connection: sqlite3.Connection, place: Place, message_ids: Sequence[str], reason: str, notice: str | None
) -> tuple[Outgoing, ...]:
    where = conversations.place_row(connection, place)
    if where is None:
        return ()
    decided = conversations.next_number(connection, where)
    known = rows_of(connection, where, message_ids)
    given_up = [(given, row) for given, row in known if give_up_row(connection, row, decided, reason)]
    if notice is None or not given_up:
        return ()
    keys = [outbox.part_key(place, given, "notice", 0) for given, _ in given_up]
    for (given, _), key in zip(given_up, keys, strict=True):
        outbox.turn_draft_into_notice(connection, outbox.part_key(place, given, "reply", 0), key, notice)
    noted = tuple(found for key in keys for found in outbox.with_key(connection, key))
    if noted:
        return noted
    message_id, row = given_up[0]
    outbox.enqueue_part(connection, keys[0], where, notice, message=row, reply_to=message_id)
    return outbox.with_key(connection, keys[0])


def give_up_row(connection: sqlite3.Connection, row: int, decided: int, reason: str) -> bool:
    """Give up an accepted message. Return True also for one given up before, whose notice may be missing.

    A message with all its attempts leaves the history, so that no later prompt can be killed by it.
    """
    given_up = connection.execute(
        "UPDATE inbox SET state = 'given_up', decided = ?, reason = ?"
        " WHERE message = ? AND state IN ('accepted', 'given_up') RETURNING attempts",
        (decided, reason, row),
    ).fetchone()
    if given_up and given_up[0] >= MAX_ATTEMPTS:
        connection.execute("UPDATE messages SET replaced = 1 WHERE id = ?", (row,))
    return given_up is not None


def pending_messages(connection: sqlite3.Connection, platform: str, account: str) -> tuple[Message, ...]:
    rows = connection.execute(
        "SELECT inbox.message FROM inbox JOIN places ON places.id = inbox.place"
        " WHERE inbox.state = 'accepted' AND platform = ? AND account = ? ORDER BY inbox.message",
        (platform, account),
    )
    return tuple(message_at(connection, row) for (row,) in rows.fetchall())
