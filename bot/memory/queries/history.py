"""The history of a place in reading order, and single messages."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from bot.memory.queries import conversations
from bot.memory.queries.quotations import quotations_of
from bot.memory.queries.records import AnswerExplanation, LastAnswer
from bot.message import Author, Message, Place, Quotation

_PAGE = 100  # messages read at once


def row_of(connection: sqlite3.Connection, place: int, message_id: str) -> int | None:
    row = connection.execute(
        "SELECT id FROM messages WHERE place = ? AND message_id = ?", (place, message_id)
    ).fetchone()
    return row and int(row[0])


def message_at(connection: sqlite3.Connection, row: int) -> Message:
    place, *rest = connection.execute(
        "SELECT place, id, message_id, author_id, author_name, is_bot, text, time, address, reply_to,"
        " persona, unread FROM messages WHERE id = ?",
        (row,),
    ).fetchone()
    return message_from_row(conversations.place_of(connection, place), rest, quotations_of(connection, [row]))


def message_from_row(
    place: Place, row: Sequence[Any], quotations: Mapping[int, tuple[Quotation, ...]]
) -> Message:
    """Return the message of a row as `message_at` selects it; `quotations` are given by row."""
    id, message_id, author, name, is_bot, text, time, address, reply_to, persona, unread = row
    who = Author(author, name, bool(is_bot))
    return Message(
        place,
        message_id,
        who,
        text,
        time,
        address,
        reply_to,
        persona=persona,
        quotations=quotations.get(id, ()),
        unread=bool(unread),
    )


def find_message(connection: sqlite3.Connection, place: Place, message_id: str) -> Message | None:
    """Return a message by its stored id, or by the platform's id of a part that was sent."""
    where = conversations.place_row(connection, place)
    if where is None:
        return None
    row = row_of(connection, where, message_id) or sent_row(connection, where, message_id)
    return message_at(connection, row) if row else None


def find_parents(connection: sqlite3.Connection, place: Place, wanted: Sequence[str]) -> dict[str, Message]:
    where = conversations.place_row(connection, place)
    if where is None:
        return {}
    since, found = conversations.last_reset(connection, where), dict[str, Message]()
    for given in wanted:
        row = row_of(connection, where, given) or sent_row(connection, where, given)
        if row and is_read(connection, row, since):
            found[given] = message_at(connection, row)
    return found


def is_read(connection: sqlite3.Connection, row: int, since: int) -> bool:
    """Return whether a message is part of the conversation: since the last reset, and not replaced."""
    stands = connection.execute(
        "SELECT 1 FROM messages WHERE id = ? AND NOT replaced AND anchor >= ?", (row, since)
    )
    return stands.fetchone() is not None


def sent_row(connection: sqlite3.Connection, place: int, sent_id: str) -> int | None:
    """Return the first message of the answer that a sent part belongs to."""
    row: int | None = connection.execute(
        "SELECT min(messages.id) FROM outbox JOIN messages ON messages.answer = outbox.answer"
        " WHERE outbox.place = ? AND sent_id = ?",
        (place, sent_id),
    ).fetchone()[0]
    return row


def read_history(
    connection: sqlite3.Connection, place: Place, limit: int, characters: int
) -> tuple[Message, ...]:
    """Return the newest messages that fit both limits, oldest first."""
    where = conversations.place_row(connection, place)
    if where is None:
        return ()
    newest: list[Message] = []
    with closing(select_history(connection, where, limit)) as cursor:
        while rows := cursor.fetchmany(_PAGE):
            quotations = quotations_of(connection, [row[0] for row in rows])
            for row in rows:
                message = message_from_row(place, row, quotations)
                characters -= message.characters
                if characters < 0:
                    return tuple(reversed(newest))
                newest.append(message)
    return tuple(reversed(newest))


def select_history(connection: sqlite3.Connection, place: int, limit: int) -> sqlite3.Cursor:
    """Select rows newest first, back to the window's beginning or the last reset."""
    since, anchor, number = connection.execute(
        "SELECT since, window_anchor, window_number FROM places WHERE id = ?", (place,)
    ).fetchone()
    return connection.execute(
        "SELECT id, message_id, author_id, author_name, is_bot, text, time, address, reply_to, persona,"
        " unread FROM messages WHERE place = ? AND NOT replaced AND (anchor, number) >= (?, ?)"
        " ORDER BY anchor DESC, number DESC LIMIT ?",
        (place, *max((since, 0), (anchor, number)), limit),
    )


def answered_by(connection: sqlite3.Connection, answer: int) -> list[tuple[str, int]]:
    """Return ids and rows of the messages that an answer answered, oldest first."""
    return connection.execute(
        "SELECT message_id, id FROM answered JOIN messages ON id = message"
        " WHERE answered.answer = ? ORDER BY id",
        (answer,),
    ).fetchall()


def last_answer(connection: sqlite3.Connection, place: Place) -> LastAnswer | None:
    where = conversations.place_row(connection, place)
    if where is None:
        return None
    found = connection.execute(
        "SELECT id, answer FROM messages WHERE place = ? AND persona IS NOT NULL AND NOT replaced"
        " AND anchor >= ? ORDER BY number DESC LIMIT 1",
        (where, conversations.last_reset(connection, where)),
    ).fetchone()
    if found is None:
        return None
    row, answer = found
    read, rule = connection.execute(
        "SELECT message_id, rule FROM answers LEFT JOIN messages ON messages.id = read WHERE answers.id = ?",
        (answer,),
    ).fetchone()
    answered = tuple(message_id for message_id, _ in answered_by(connection, answer))
    return LastAnswer(message_at(connection, row), answered, read, rule)


def explain_decision(connection: sqlite3.Connection, place: Place) -> AnswerExplanation | None:
    where = conversations.place_row(connection, place)
    if where is None:
        return None
    asked = connection.execute(
        "SELECT decided, message_id, rule, inbox.persona, state, reason"
        " FROM inbox JOIN messages ON id = message WHERE inbox.place = ? AND decided > 0"
        " ORDER BY decided DESC, id DESC LIMIT 1",
        (where,),
    ).fetchone()
    newest_answer = connection.execute(
        "SELECT decided, id, rule, persona, why FROM answers WHERE place = ? ORDER BY decided DESC LIMIT 1",
        (where,),
    ).fetchone()
    if asked is None or (newest_answer is not None and newest_answer[0] >= asked[0]):
        return newest_answer and explain_answer(connection, *newest_answer[1:])
    _, message_id, rule, persona, state, reason = asked
    return AnswerExplanation(message_id, rule, persona, state, reason, {})


def explain_answer(
    connection: sqlite3.Connection, answer: int, rule: str, persona: str, why: str
) -> AnswerExplanation:
    answered = answered_by(connection, answer)
    message_id = answered[-1][0] if answered else None
    return AnswerExplanation(message_id, rule, persona, "answered", "", json.loads(why))
