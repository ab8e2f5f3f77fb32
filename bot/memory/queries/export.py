"""Export of everything that is stored about a person, as dictionaries for JSON."""

import json
import sqlite3
from contextlib import closing

from bot.memory.queries import traces

Row = dict[str, object]

MESSAGES = """
SELECT platform, account, chat, thread, message_id, author_id, author_name, is_bot, text, time, address,
    messages.reply_to, state, accepted, attempts, inbox.persona, rule, reason
FROM messages JOIN places ON places.id = messages.place LEFT JOIN inbox ON inbox.message = messages.id
WHERE author_id = ?1 AND messages.persona IS NULL AND (?2 IS NULL OR platform = ?2)
ORDER BY messages.id
"""
QUOTED = """
SELECT platform, account, chat, thread, message_id, kind, quotations.author_name, quotations.text, source
FROM quotations JOIN messages ON messages.id = quotations.message JOIN places ON places.id = messages.place
WHERE quotations.author_id = ?1 AND (?2 IS NULL OR platform = ?2)
ORDER BY quotations.message, position
"""
ANSWERS = """
SELECT platform, account, chat, thread, replies.message_id, replies.persona, replies.text, replies.time,
    replies.replaced, rule, why
FROM messages replies JOIN places ON places.id = replies.place JOIN answers ON answers.id = replies.answer
WHERE (replies.answer IN (
    SELECT answered.answer FROM answered JOIN messages ON messages.id = answered.message
    WHERE author_id = ?1 AND messages.persona IS NULL
) OR places.chat = ?1 OR (places.platform = 'web' AND places.account = ?1)
OR json_extract(why, '$.user') = ?1) AND (?2 IS NULL OR platform = ?2)
ORDER BY replies.id
"""


def export_author(
    connection: sqlite3.Connection, author_id: str, platform: str | None
) -> dict[str, list[Row]]:
    answers = select_rows(connection, ANSWERS, author_id, platform)
    return {
        "messages": select_rows(connection, MESSAGES, author_id, platform),
        "quoted": select_rows(connection, QUOTED, author_id, platform),
        "settings": [
            dict(zip(("scope", "name", "value"), row, strict=True))
            for row in traces.own_settings(connection, author_id, platform)
        ],
        "answers": [{**answer, "why": json.loads(str(answer["why"]))} for answer in answers],
    }


def select_rows(
    connection: sqlite3.Connection, query: str, author_id: str, platform: str | None
) -> list[Row]:
    with closing(connection.execute(query, (author_id, platform))) as cursor:
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
