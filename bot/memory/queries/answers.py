"""Answers of personas, stored with their outbox and inbox rows in one transaction."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.memory.queries import conversations, outbox
from bot.memory.queries.history import answered_by, row_of
from bot.memory.queries.inbox import insert_message, rows_of
from bot.memory.queries.records import Outgoing
from bot.memory.queries.swipes import link_swipes
from bot.message import Message, Place
from bot.text.formatted_text import FormattedText

Part = str | FormattedText
MAX_ALTERNATIVES = 100  # replaced answers of a place


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The values that `finish_answer` stores. All replies are one persona's; the parts are their text as
    sent.
    """

    place: Place
    message_ids: Sequence[str]
    replies: Sequence[Message]
    parts: Sequence[Part]
    read: str | None
    window: str | None
    why: Mapping[str, object]
    replaces: str | None

    def __post_init__(self) -> None:
        if not self.replies or not self.parts or not self.replies[0].persona:
            raise ValueError("an answer has a reply by a persona and a part to send")


def finish_answer(connection: sqlite3.Connection, new: AnswerRecord) -> tuple[Outgoing, ...]:
    place = conversations.place_row(connection, new.place)
    if is_erased(connection, place, new):
        return ()
    place = place or conversations.ensure_place(connection, new.place)
    stored = stored_before(connection, place, new)
    if stored is not None:
        return outbox.parts_of_answer(connection, stored)
    earlier = answer_with(connection, place, new.replaces)
    asked = answered_by(connection, earlier) if earlier else []
    asked += still_open(connection, place, new, earlier)
    answer = insert_answer(connection, place, new, asked)
    if earlier is not None:
        link_swipes(connection, earlier, answer)
    replace_answer(connection, place, earlier)
    store_replies(connection, place, new, answer, asked)
    enqueue_parts(connection, place, new, answer, new.replies[0].id if earlier or not asked else asked[0][0])
    move_window(connection, place, new.window)
    return outbox.parts_of_answer(connection, answer)


def is_erased(connection: sqlite3.Connection, place: int | None, new: AnswerRecord) -> bool:
    """Return whether the messages of the answer have been erased since it was begun."""
    about = [new.replaces] if new.replaces else new.message_ids or ([new.read] if new.read else [])
    return bool(about) and (place is None or not rows_of(connection, place, about))


def still_open(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, earlier: int | None
) -> list[tuple[str, int]]:
    """Return ids and rows of the messages to answer: unanswered ones, or all if an answer is replaced."""
    known = rows_of(connection, place, new.message_ids)
    return [(given, row) for given, row in known if earlier or is_open(connection, row)]


def answer_with(connection: sqlite3.Connection, place: int, message_id: str | None) -> int | None:
    """Return the answer that a message belongs to."""
    row = connection.execute(
        "SELECT answer FROM messages WHERE place = ? AND message_id = ?", (place, message_id)
    ).fetchone()
    return None if row is None else row[0]


def stored_before(connection: sqlite3.Connection, place: int, new: AnswerRecord) -> int | None:
    """Return the answer that an earlier call stored for the same reply, or that answered all the messages."""
    again = answer_with(connection, place, new.replies[0].id)
    known = rows_of(connection, place, new.message_ids)
    if again or new.replaces or not known or any(is_open(connection, row) for _, row in known):
        return again
    found = connection.execute(
        "SELECT max(answer) FROM answered WHERE message = ?", (known[0][1],)
    ).fetchone()
    return None if found is None else found[0]


def is_open(connection: sqlite3.Connection, row: int) -> bool:
    state = connection.execute("SELECT state FROM inbox WHERE message = ?", (row,)).fetchone()
    return state is not None and state[0] != "answered"


def insert_answer(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, asked: list[tuple[str, int]]
) -> int:
    """Insert the answer's row and its links to the answered messages, and update their inbox rows."""
    decided = conversations.next_number(connection, place)
    rule = str(new.why.get("rule", ""))
    if asked and not rule:
        (rule,) = connection.execute("SELECT rule FROM inbox WHERE message = ?", (asked[0][1],)).fetchone()
    persona, why = new.replies[0].persona, json.dumps(dict(new.why), ensure_ascii=False)
    read = new.read and row_of(connection, place, new.read)
    answer = connection.execute(
        "INSERT INTO answers (place, decided, persona, rule, why, read) VALUES (?, ?, ?, ?, ?, ?)",
        (place, decided, persona, rule, why, read),
    ).lastrowid
    assert answer is not None
    for row in dict(asked).values():
        connection.execute("INSERT INTO answered (answer, message) VALUES (?, ?)", (answer, row))
        connection.execute(
            "UPDATE inbox SET state = 'answered', decided = ?, persona = ? WHERE message = ?",
            (decided, persona, row),
        )
    return answer


def replace_answer(connection: sqlite3.Connection, place: int, answer: int | None) -> None:
    """Take an answer out of the history; it stays stored as one of the newest alternatives of its place."""
    if answer is None:
        return
    connection.execute("UPDATE messages SET replaced = 1 WHERE answer = ?", (answer,))
    outbox.drop_unsent_parts(connection, answer)
    connection.execute(
        "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE place = ?1 AND id != ?2"
        " AND EXISTS (SELECT 1 FROM messages WHERE answer = answers.id AND replaced)"
        " AND NOT EXISTS (SELECT 1 FROM messages WHERE answer = answers.id AND NOT replaced)"
        " ORDER BY decided DESC LIMIT -1 OFFSET ?3)",
        (place, answer, MAX_ALTERNATIVES - 1),
    )


def store_replies(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, answer: int, asked: list[tuple[str, int]]
) -> None:
    anchor = anchor_for(connection, place, new.read, asked)
    for reply in new.replies:
        number = conversations.next_number(connection, place)
        insert_message(connection, reply, place, anchor=anchor, number=number, answer=answer)


def anchor_for(
    connection: sqlite3.Connection, place: int, read: str | None, asked: list[tuple[str, int]]
) -> int:
    """Return the anchor of the last message read, or of the last answered one if that has been erased."""
    last = (read and row_of(connection, place, read)) or (asked[-1][1] if asked and read else None)
    if not last:
        return conversations.last_reset(connection, place)
    return int(connection.execute("SELECT anchor FROM messages WHERE id = ?", (last,)).fetchone()[0])


def enqueue_parts(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, answer: int, named: str
) -> None:
    first = new.replies[0]
    for part, text in enumerate(new.parts):
        formatted = FormattedText(text) if isinstance(text, str) else text
        outbox.enqueue_part(
            connection,
            outbox.part_key(new.place, named, "reply", part),
            place,
            formatted.text,
            spans=formatted.spans,
            part=part,
            answer=answer,
            reply_to=first.reply_to,
            persona=first.persona,
        )


def move_window(connection: sqlite3.Connection, place: int, window: str | None) -> None:
    """Let the window begin at a message; an unknown one moves nothing."""
    if window is not None:
        connection.execute(
            "UPDATE places SET window_anchor = messages.anchor, window_number = messages.number"
            " FROM messages WHERE places.id = ? AND messages.place = places.id AND messages.message_id = ?",
            (place, window),
        )
