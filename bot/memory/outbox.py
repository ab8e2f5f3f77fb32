"""What must be sent, from queued to sent or dropped; nothing in it is stored twice or sent under two keys."""

import json
import sqlite3
from hashlib import blake2b
from typing import Literal

from bot.memory.places import place_of
from bot.memory.records import Outgoing
from bot.message import Place


def key(place: Place, message_id: str, kind: Literal["reply", "notice"], part: int) -> str:
    """24 hexadecimal digits, as a Discord nonce allows; the same for the same message, kind and part."""
    name = [place.platform, place.account, place.chat, place.thread, message_id, kind, part]
    return blake2b(json.dumps(name).encode(), digest_size=12).hexdigest()


def enqueue(
    connection: sqlite3.Connection,
    key: str,
    place: int,
    text: str,
    *,
    part: int = 0,
    answer: int | None = None,
    message: int | None = None,
    reply_to: str | None = None,
    persona: str | None = None,
) -> None:
    """Store one part; nothing happens when its key is known."""
    connection.execute(
        "INSERT INTO outbox (key, place, answer, message, part, text, reply_to, persona)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        (key, place, answer, message, part, text, reply_to, persona),
    )


def with_key(connection: sqlite3.Connection, key: str) -> tuple[Outgoing, ...]:
    rows = connection.execute(
        "SELECT key, place, part, text, state, attempts, reply_to, persona FROM outbox WHERE key = ?", (key,)
    )
    return outgoing(connection, rows)


def of_answer(connection: sqlite3.Connection, answer: int) -> tuple[Outgoing, ...]:
    rows = connection.execute(
        "SELECT key, place, part, text, state, attempts, reply_to, persona FROM outbox"
        " WHERE answer = ? ORDER BY part",
        (answer,),
    )
    return outgoing(connection, rows)


def unsent(connection: sqlite3.Connection, platform: str, account: str) -> tuple[Outgoing, ...]:
    rows = connection.execute(
        "SELECT key, place, part, text, state, attempts, outbox.reply_to, persona"
        " FROM outbox JOIN places ON places.id = outbox.place"
        " WHERE state IN ('queued', 'sending') AND platform = ? AND account = ? ORDER BY outbox.id",
        (platform, account),
    )
    return outgoing(connection, rows)


def outgoing(connection: sqlite3.Connection, rows: sqlite3.Cursor) -> tuple[Outgoing, ...]:
    return tuple(Outgoing(key, place_of(connection, place), *rest) for key, place, *rest in rows.fetchall())


def sending(connection: sqlite3.Connection, key: str) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1"
        " WHERE key = ? AND state IN ('queued', 'sending')",
        (key,),
    )


def sent(connection: sqlite3.Connection, key: str, sent_id: str | None) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'sent', text = '', sent_id = ? WHERE key = ?", (sent_id, key)
    )


def drop(connection: sqlite3.Connection, key: str) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'dropped', text = '' WHERE key = ? AND state IN ('queued', 'sending')",
        (key,),
    )


def drop_answer(connection: sqlite3.Connection, answer: int | None) -> None:
    """What has been replaced before it was sent is not sent any more."""
    connection.execute(
        "UPDATE outbox SET state = 'dropped', text = '' WHERE answer = ? AND state = 'queued'", (answer,)
    )


def was_sent(connection: sqlite3.Connection, place: int, sent_id: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM outbox WHERE place = ? AND sent_id = ?", (place, sent_id)
    ).fetchone()
    return row is not None
