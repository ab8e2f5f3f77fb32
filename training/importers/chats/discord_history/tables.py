"""Discord History Tracker's database, in versions 1 to 11.

Versions 1 and 2 have replies and edits in columns of the messages, versions 3 to 8 in tables of their own, to
which version 9 gave other names. Until version 8 a file was of one message.
"""

import sqlite3
from collections.abc import Iterator

from training.importers.chats.discord_history.messages import (
    HistoryArchive,
    HistoryChannel,
    HistoryMessage,
    HistoryUser,
    make_channel,
    make_user,
)
from training.importers.reading.database import check_tables, columns_of, open_database
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

_DIVIDER = "\x1f"
_REPLIES, _EDITS = ("message_replied_to", "replied_to"), ("message_edit_timestamps", "edit_timestamps")
_CHANNELS = (
    "SELECT c.id, c.name, s.name AS server, s.type FROM channels c "
    "LEFT JOIN (SELECT id, name, type FROM servers GROUP BY id) s ON s.id = c.server"
)
_FILES = "SELECT message_id, group_concat(name, char(31)) AS value FROM "
_FILES_APART = _FILES + (
    "message_attachments JOIN (SELECT attachment_id, name FROM attachments GROUP BY attachment_id) "
    "USING (attachment_id) GROUP BY message_id"
)
_FILES_OF_MESSAGE = _FILES + "attachments GROUP BY message_id"
_NOTHING = "SELECT NULL AS message_id, NULL AS value"


def read_tables(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of a database. Raises UserError for one that is damaged or has other columns."""
    with open_database(source) as database:
        check_tables(database, "users", "servers", "channels", "messages")
        archive = HistoryArchive(source.label, _users(database), _channels(database))
        for row in database.execute(_query(database)):
            files = row["files"].split(_DIVIDER) if isinstance(row["files"], str) else []
            message = HistoryMessage(
                id=str(row["message_id"]),
                channel=str(row["channel_id"]),
                author=str(row["sender_id"]),
                text=row["text"] if isinstance(row["text"], str) else "",
                time=row["timestamp"],
                reply_to=str(row["reply"]) if row["reply"] else None,
                is_edited=bool(row["edit"]),
                files=tuple(files),
            )
            if exported := archive.convert(message, log):
                yield exported


def _users(database: sqlite3.Connection) -> dict[str, HistoryUser]:
    shown = "coalesce(display_name, name)" if "display_name" in columns_of(database, "users") else "name"
    rows = database.execute(f"SELECT id, {shown} AS name, discriminator FROM users")
    return {str(row["id"]): make_user(row["name"], row["discriminator"]) for row in rows}


def _channels(database: sqlite3.Connection) -> dict[str, HistoryChannel]:
    rows = database.execute(_CHANNELS)
    return {str(row["id"]): make_channel(row["name"], row["server"], row["type"]) for row in rows}


def _query(database: sqlite3.Connection) -> str:
    """Return the query for all messages; the tables beside them are grouped, so that none comes twice."""
    replies = _value_of(database, _REPLIES, "replied_to_id")
    edits = _value_of(database, _EDITS, "edit_timestamp")
    if columns_of(database, "message_attachments"):
        check_tables(database, "attachments")
        files = _FILES_APART
    else:
        files = _FILES_OF_MESSAGE if "message_id" in columns_of(database, "attachments") else _NOTHING
    return (
        "SELECT m.message_id, m.sender_id, m.channel_id, m.text, m.timestamp, "
        "r.value AS reply, e.value AS edit, f.value AS files FROM messages m "
        f"LEFT JOIN ({replies}) r USING (message_id) LEFT JOIN ({edits}) e USING (message_id) "
        f"LEFT JOIN ({files}) f USING (message_id) ORDER BY m.message_id"
    )


def _value_of(database: sqlite3.Connection, tables: tuple[str, ...], column: str) -> str:
    """Return the query for one value of each message, from the table or the column that this version has."""
    for table in (*tables, "messages"):
        if column in columns_of(database, table):
            return f"SELECT message_id, max({column}) AS value FROM {table} GROUP BY message_id"
    return _NOTHING
