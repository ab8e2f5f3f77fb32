"""What personas said, why, and to whom: stored with its outbox and inbox rows, or not at all."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.memory.queries import conversations, outbox
from bot.memory.queries.history import answered_by, row_of
from bot.memory.queries.inbox import insert, rows_of
from bot.memory.queries.records import Outgoing
from bot.message import Message, Place


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """Everything `finish` stores. All replies are one persona's; the parts are the same words, as sent."""

    place: Place
    message_ids: Sequence[str]
    replies: Sequence[Message]
    parts: Sequence[str]
    read: str | None
    window: str | None
    why: Mapping[str, object]
    replaces: str | None

    def __post_init__(self) -> None:
        if not self.replies or not self.parts or not self.replies[0].persona:
            raise ValueError("an answer has a reply by a persona and a part to send")


def finish(connection: sqlite3.Connection, new: AnswerRecord) -> tuple[Outgoing, ...]:
    place = conversations.find(connection, new.place)
    if is_erased(connection, place, new):
        return ()
    place = place or conversations.enter(connection, new.place)
    stored = stored_before(connection, place, new)
    if stored is not None:
        return outbox.of_answer(connection, stored)
    earlier = answer_with(connection, place, new.replaces)
    asked = answered_by(connection, earlier) if earlier else []
    asked += still_open(connection, place, new, earlier)
    answer = record(connection, place, new, asked)
    replace(connection, earlier)
    store_replies(connection, place, new, answer, asked)
    enqueue_parts(connection, place, new, answer, new.replies[0].id if earlier or not asked else asked[0][0])
    move_window(connection, place, new.window)
    return outbox.of_answer(connection, answer)


def is_erased(connection: sqlite3.Connection, place: int | None, new: AnswerRecord) -> bool:
    """Whether what the answer is about has been erased since it was begun."""
    about = [new.replaces] if new.replaces else new.message_ids or ([new.read] if new.read else [])
    return bool(about) and (place is None or not rows_of(connection, place, about))


def still_open(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, earlier: int | None
) -> list[tuple[str, int]]:
    """What is to be answered: not what has an answer, unless that one is being replaced."""
    known = rows_of(connection, place, new.message_ids)
    return [(given, row) for given, row in known if earlier or is_open(connection, row)]


def answer_with(connection: sqlite3.Connection, place: int, message_id: str | None) -> int | None:
    """The answer that this message is part of."""
    row = connection.execute(
        "SELECT answer FROM messages WHERE place = ? AND message_id = ?", (place, message_id)
    ).fetchone()
    return None if row is None else row[0]


def stored_before(connection: sqlite3.Connection, place: int, new: AnswerRecord) -> int | None:
    """The answer that an earlier call with the same reply stored, or that answered all these messages."""
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


def record(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, asked: list[tuple[str, int]]
) -> int:
    """The answer's own row, its links to what it answers, and their inbox rows."""
    decided = conversations.advance(connection, place)
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


def replace(connection: sqlite3.Connection, answer: int | None) -> None:
    """Take an answer out of the story; it stays stored as an alternative."""
    connection.execute("UPDATE messages SET replaced = 1 WHERE answer = ?", (answer,))
    outbox.drop_answer(connection, answer)


def store_replies(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, answer: int, asked: list[tuple[str, int]]
) -> None:
    anchor = anchor_for(connection, place, new.read, asked)
    for reply in new.replies:
        number = conversations.advance(connection, place)
        insert(connection, reply, place, anchor=anchor, number=number, answer=answer)


def anchor_for(
    connection: sqlite3.Connection, place: int, read: str | None, asked: list[tuple[str, int]]
) -> int:
    """Where the last message read stands; if that has been erased, where the last answered one does."""
    last = (read and row_of(connection, place, read)) or (asked[-1][1] if asked and read else None)
    if not last:
        return conversations.since(connection, place)
    return int(connection.execute("SELECT anchor FROM messages WHERE id = ?", (last,)).fetchone()[0])


def enqueue_parts(
    connection: sqlite3.Connection, place: int, new: AnswerRecord, answer: int, named: str
) -> None:
    first = new.replies[0]
    for part, text in enumerate(new.parts):
        outbox.enqueue(
            connection,
            outbox.key(new.place, named, "reply", part),
            place,
            text,
            part=part,
            answer=answer,
            reply_to=first.reply_to,
            persona=first.persona,
        )


def move_window(connection: sqlite3.Connection, place: int, window: str | None) -> None:
    """Let the window begin at this message; an unknown one moves nothing."""
    if window is not None:
        connection.execute(
            "UPDATE places SET window_anchor = messages.anchor, window_number = messages.number"
            " FROM messages WHERE places.id = ? AND messages.place = places.id AND messages.message_id = ?",
            (place, window),
        )
