"""The outbox: parts from queued to sent or dropped. No part is stored twice or sent under two keys."""

import json
import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

from bot.memory.queries import conversations
from bot.memory.queries.conversations import place_of
from bot.memory.queries.history import row_of
from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.text.formatted_text import TextSpan, read_spans, write_spans


def part_key(place: Place, message_id: str, kind: Literal["reply", "notice", "unread"], part: int) -> str:
    """Return 24 hexadecimal digits (a Discord nonce has 25 at most), by message, kind and part."""
    name = [place.platform, place.account, place.chat, place.thread, message_id, kind, part]
    return blake2b(json.dumps(name).encode(), digest_size=12).hexdigest()


def enqueue_part(
    connection: sqlite3.Connection,
    key: str,
    place: int,
    text: str,
    *,
    spans: Sequence[TextSpan] = (),
    part: int = 0,
    answer: int | None = None,
    message: int | None = None,
    reply_to: str | None = None,
    persona: str | None = None,
) -> None:
    """Store a part, over its draft if there is one. A part with a known key is not stored again."""
    connection.execute(
        "INSERT INTO outbox (key, place, answer, message, part, text, spans, reply_to, persona)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET answer = excluded.answer,"
        " text = excluded.text, spans = excluded.spans, reply_to = excluded.reply_to,"
        " persona = excluded.persona WHERE answer IS NULL AND text = '' AND state = 'sending'",
        (key, place, answer, message, part, text, write_spans(spans), reply_to, persona),
    )


def note_draft(
    connection: sqlite3.Connection, place: Place, message_id: str, persona: str
) -> tuple[Outgoing, ...]:
    """Note a part without text before its draft is shown. Return it, or the one from before a crash."""
    where = conversations.place_row(connection, place)
    row = where and row_of(connection, where, message_id)
    if not where or not row:
        return ()
    name = part_key(place, message_id, "reply", 0)
    connection.execute(
        "INSERT INTO outbox (key, place, message, part, text, reply_to, persona, state)"
        " VALUES (?, ?, ?, 0, '', ?, ?, 'sending') ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1"
        " WHERE text = '' AND state = 'sending'",
        (name, where, row, message_id, persona),
    )
    return with_key(connection, name)


def note_shown(connection: sqlite3.Connection, key: str, sent_id: str) -> None:
    """Note the platform's id of the message that shows a part."""
    connection.execute("UPDATE outbox SET sent_id = ? WHERE key = ? AND state = 'sending'", (sent_id, key))


def turn_draft_into_notice(connection: sqlite3.Connection, key: str, new_key: str, notice: str) -> None:
    """Let a notice take the place of a shown draft, if there is one."""
    connection.execute(
        "UPDATE OR IGNORE outbox SET key = ?, text = ?"
        " WHERE key = ? AND answer IS NULL AND text = '' AND state = 'sending'",
        (new_key, notice, key),
    )


def with_key(connection: sqlite3.Connection, key: str) -> tuple[Outgoing, ...]:
    rows = connection.execute(
        "SELECT key, place, part, text, state, attempts, reply_to, persona, sent_id, spans FROM outbox"
        " WHERE key = ?",
        (key,),
    )
    return outgoing_from_rows(connection, rows)


def parts_of_answer(connection: sqlite3.Connection, answer: int) -> tuple[Outgoing, ...]:
    rows = connection.execute(
        "SELECT key, place, part, text, state, attempts, reply_to, persona, sent_id, spans FROM outbox"
        " WHERE answer = ? ORDER BY part",
        (answer,),
    )
    return outgoing_from_rows(connection, rows)


def unsent_parts(connection: sqlite3.Connection, platform: str, account: str) -> tuple[Outgoing, ...]:
    rows = connection.execute(
        "SELECT key, place, part, text, state, attempts, outbox.reply_to, persona, sent_id, spans"
        " FROM outbox JOIN places ON places.id = outbox.place"
        " WHERE state IN ('queued', 'sending') AND text != '' AND platform = ? AND account = ?"
        " ORDER BY outbox.id",
        (platform, account),
    )
    return outgoing_from_rows(connection, rows)


def outgoing_from_rows(connection: sqlite3.Connection, rows: sqlite3.Cursor) -> tuple[Outgoing, ...]:
    return tuple(
        Outgoing(key, place_of(connection, place), *[*rest, read_spans(spans)])
        for key, place, *rest, spans in rows.fetchall()
    )


def note_sending(connection: sqlite3.Connection, key: str) -> bool:
    noted = connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1"
        " WHERE key = ? AND state IN ('queued', 'sending')",
        (key,),
    )
    return noted.rowcount == 1


def note_sent(connection: sqlite3.Connection, key: str, sent_id: str | None) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'sent', text = '', spans = '', sent_id = coalesce(?, sent_id)"
        " WHERE key = ?",
        (sent_id, key),
    )


def drop_part(connection: sqlite3.Connection, key: str) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'dropped', text = '', spans = ''"
        " WHERE key = ? AND state IN ('queued', 'sending')",
        (key,),
    )


def drop_unsent_parts(connection: sqlite3.Connection, answer: int | None) -> None:
    """Drop the queued parts of an answer that was replaced before they were sent."""
    connection.execute(
        "UPDATE outbox SET state = 'dropped', text = '', spans = '' WHERE answer = ? AND state = 'queued'",
        (answer,),
    )


def discard_answer(connection: sqlite3.Connection, key: str) -> None:
    """Drop a part, and the answer that it belongs to: the unsent parts, and the words in the history."""
    drop_part(connection, key)
    row = connection.execute("SELECT answer FROM outbox WHERE key = ?", (key,)).fetchone()
    if row and row[0] is not None:
        withdraw_answer(connection, row[0])


def withdraw_answer(connection: sqlite3.Connection, answer: int) -> int:
    """Take an answer out of the history and drop its unsent parts; return the number of its messages."""
    connection.execute(
        "UPDATE outbox SET state = 'dropped', text = '', spans = ''"
        " WHERE answer = ? AND state IN ('queued', 'sending')",
        (answer,),
    )
    withdrawn = connection.execute(
        "UPDATE messages SET replaced = 1 WHERE NOT replaced AND answer = ?", (answer,)
    )
    return withdrawn.rowcount


def was_sent(connection: sqlite3.Connection, place: int, sent_id: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM outbox WHERE place = ? AND sent_id = ?", (place, sent_id)
    ).fetchone()
    return row is not None


def place_of_sent(
    connection: sqlite3.Connection, platform: str, account: str, chat: str, sent_id: str
) -> Place | None:
    """Return the place of a chat in which a part was sent under a platform's id, whatever the thread."""
    found = connection.execute(
        "SELECT places.id FROM outbox JOIN places ON places.id = outbox.place"
        " WHERE sent_id = ? AND platform = ? AND account = ? AND chat = ? LIMIT 1",
        (sent_id, platform, account, chat),
    ).fetchone()
    return found and place_of(connection, found[0])


def sent_among(connection: sqlite3.Connection, place: Place, ids: Sequence[str]) -> frozenset[str]:
    """Return those of the ids under which a part was sent or shown."""
    where = conversations.place_row(connection, place)
    return frozenset(given for given in ids if where and was_sent(connection, where, given))


def sent_ids_of_answer(connection: sqlite3.Connection, place: Place, message_id: str) -> tuple[str, ...]:
    """Return the platform's ids of the parts of the answer that a message belongs to, in order."""
    rows = connection.execute(
        "SELECT sent_id FROM outbox JOIN messages ON messages.answer = outbox.answer"
        " WHERE messages.place = ? AND message_id = ? AND sent_id IS NOT NULL ORDER BY part",
        (conversations.place_row(connection, place), message_id),
    )
    return tuple(sent_id for (sent_id,) in rows)
