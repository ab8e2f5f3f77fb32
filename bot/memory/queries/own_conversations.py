"""Conversations that people begin, list and name themselves: the places of one account, with messages."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from bot.memory.queries import conversations
from bot.memory.queries.history import message_from_row
from bot.memory.queries.quotations import quotations_of
from bot.memory.queries.records import OwnConversation, ShownMessage
from bot.message import Place

TITLE, CREATED, PERSONA = "title", "created", "persona"  # keys of a conversation's settings


def list_conversations(
    connection: sqlite3.Connection, platform: str, account: str
) -> tuple[OwnConversation, ...]:
    """Return the conversations of an account, the newest first."""
    prefix = f"{platform}/{account}/"
    values = (prefix, f"{platform}/{account}0", len(prefix) + 1, platform, account)  # "0" follows "/"
    rows = connection.execute(
        """
SELECT substr(scope, ?3),
    max(CASE key WHEN 'persona' THEN value END),
    max(CASE key WHEN 'title' THEN value END),
    (SELECT substr(text, 1, 80) FROM messages
        WHERE place = places.id AND NOT replaced AND anchor >= since AND persona IS NULL
        ORDER BY anchor, number LIMIT 1),
    coalesce((SELECT time FROM messages WHERE place = places.id AND NOT replaced AND anchor >= since
        ORDER BY anchor DESC, number DESC LIMIT 1),
        max(CASE key WHEN 'created' THEN CAST(value AS REAL) END), 0) AS updated,
    (SELECT count(*) FROM messages WHERE place = places.id AND NOT replaced AND anchor >= since)
FROM settings LEFT JOIN places
    ON platform = ?4 AND account = ?5 AND chat = substr(scope, ?3) AND thread = ''
WHERE scope > ?1 AND scope < ?2 AND key IN ('persona', 'title', 'created')
GROUP BY scope HAVING max(CASE key WHEN 'persona' THEN 1 END)
ORDER BY updated DESC, scope
""",
        values,
    )
    return tuple(
        OwnConversation(chat, persona, title or " ".join((first or "").split()), updated, messages)
        for chat, persona, title, first, updated, messages in rows
    )


def read_shown(connection: sqlite3.Connection, place: Place, limit: int) -> tuple[ShownMessage, ...]:
    """Return the newest messages since the last reset, oldest first, also those that prompts leave out."""
    where = conversations.place_row(connection, place)
    if where is None:
        return ()
    values = (where, conversations.last_reset(connection, where), limit)
    rows = connection.execute(
        """
SELECT messages.id, message_id, author_id, author_name, is_bot, text, time, address, reply_to,
    messages.persona, unread,
    (SELECT count(*) FROM answers swipes WHERE swipes.swipe_of = answers.swipe_of AND swipes.id < answers.id),
    (SELECT count(*) FROM answers swipes WHERE swipes.swipe_of = answers.swipe_of)
FROM messages LEFT JOIN answers ON answers.id = messages.answer
WHERE messages.place = ?1 AND NOT replaced AND anchor >= ?2 ORDER BY anchor DESC, number DESC LIMIT ?3
""",
        values,
    )
    return _shown(connection, place, rows.fetchall()[::-1])


def find_shown(
    connection: sqlite3.Connection, place: Place, message_id: str | None, key: str | None = None
) -> ShownMessage | None:
    """Return a message by its id, also one that was replaced, or by the key of a part of it that was sent."""
    where = conversations.place_row(connection, place)
    rows = connection.execute(
        """
SELECT messages.id, message_id, author_id, author_name, is_bot, text, time, address, reply_to,
    messages.persona, unread,
    (SELECT count(*) FROM answers swipes WHERE swipes.swipe_of = answers.swipe_of AND swipes.id < answers.id),
    (SELECT count(*) FROM answers swipes WHERE swipes.swipe_of = answers.swipe_of)
FROM messages LEFT JOIN answers ON answers.id = messages.answer
WHERE messages.place = ?1 AND (message_id = ?2
    OR messages.answer = (SELECT answer FROM outbox WHERE key = ?3)) ORDER BY messages.id LIMIT 1
""",
        (where, message_id, key),
    )
    return next(iter(_shown(connection, place, rows.fetchall())), None)


def _shown(connection: sqlite3.Connection, place: Place, rows: Sequence[Any]) -> tuple[ShownMessage, ...]:
    quotations = quotations_of(connection, [row[0] for row in rows])
    return tuple(
        ShownMessage(message_from_row(place, row, quotations), index, count) for *row, index, count in rows
    )
