"""The rows of the Messages database: one of each message, with its chat, its sender and its files."""

import math
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from training.importers.reading.database import columns_of
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_fields import text_of
from training.importers.reading.message_bounds import LONGEST_ID
from training.importers.reading.record_kinds import file_kind
from training.store.messages import Kind

# Columns of `message`, of which older systems have fewer: those that are missing are read as NULL.
_COLUMNS = (
    *("guid", "text", "attributedBody", "message_summary_info", "date", "date_edited", "is_from_me"),
    *("service", "subject", "item_type", "associated_message_type", "thread_originator_guid"),
    *("balloon_bundle_id", "is_system_message", "is_auto_reply", "is_forward"),
)
# Of a message that is in several chats, such as those of one person's number and e-mail address, the oldest
# is taken. Each row repeats the names of its chat and sender, so they are cut. A table of a stranger may
# declare a ROWID that is not unique, so one row of each number is joined.
_ROWS = """
SELECT m.ROWID AS number, {columns}, substr(h.id, 1, {most}) AS handle,
       substr(c.chat_identifier, 1, {most}) AS chat_identifier, substr(c.guid, 1, {most}) AS chat_guid,
       substr({name}, 1, {most}) AS chat_name, {style} AS style, p.members
FROM message m
LEFT JOIN (SELECT message_id, min(chat_id) AS chat_id FROM chat_message_join GROUP BY message_id) j
     ON j.message_id = m.ROWID
LEFT JOIN (SELECT ROWID AS number, * FROM chat GROUP BY ROWID) c ON c.number = j.chat_id
LEFT JOIN (SELECT chat_id, count(DISTINCT handle_id) AS members FROM chat_handle_join GROUP BY chat_id) p
     ON p.chat_id = j.chat_id
LEFT JOIN (SELECT ROWID AS number, id FROM handle GROUP BY ROWID) h ON h.number = m.handle_id
ORDER BY m.ROWID
"""
_FILES = """
SELECT j.message_id, {columns} FROM message_attachment_join j
JOIN (SELECT ROWID AS number, * FROM attachment GROUP BY ROWID) a ON a.number = j.attachment_id
ORDER BY j.message_id
"""
_FILE_COLUMNS = ("transfer_name", "filename", "mime_type", "is_sticker")
_NEEDED = {
    "message": {"guid", "date", "is_from_me", "handle_id"},
    "chat": {"chat_identifier", "guid"},
    "handle": {"id"},
    "chat_message_join": {"chat_id", "message_id"},
    "chat_handle_join": {"chat_id", "handle_id"},
}
_PREVIEW = ".pluginpayloadattachment"  # the picture that a link shows
_MOST_FILES = 100


class MessageFile(NamedTuple):
    """A file of a message; of a vCard, the kind is "other"."""

    name: str
    kind: Kind


def missing_tables(database: sqlite3.Connection) -> list[str]:
    """Return the tables that a Messages database has and this one has not, or not with the needed columns."""
    return [table for table, columns in _NEEDED.items() if not columns_of(database, table) >= columns]


def read_rows(
    database: sqlite3.Connection, log: ImportLog
) -> Iterator[tuple[sqlite3.Row, tuple[MessageFile, ...]]]:
    """Yield each message with its files, in the order of the database; count rows without a number."""
    chat = columns_of(database, "chat")
    sql = _ROWS.format(
        columns=_selected("m", _COLUMNS, columns_of(database, "message")),
        name="c.display_name" if "display_name" in chat else "NULL",
        style="c.style" if "style" in chat else "NULL",
        most=LONGEST_ID,
    )
    files = _read_files(database)
    number, file = next(files, (None, None))
    for row in database.execute(sql):
        if not isinstance(row["number"], int):
            log.skip("without a number")
            continue
        found: list[MessageFile] = []
        while number is not None and number <= row["number"]:
            if number == row["number"] and file and len(found) < _MOST_FILES:
                found.append(file)
            number, file = next(files, (None, None))
        yield row, tuple(found)


def _read_files(database: sqlite3.Connection) -> Iterator[tuple[int | None, MessageFile | None]]:
    """Yield the files in the order of their messages, each with the number of its message."""
    known = columns_of(database, "attachment")
    joined = columns_of(database, "message_attachment_join")
    if not known or not joined >= {"message_id", "attachment_id"}:
        return
    for row in database.execute(_FILES.format(columns=_selected("a", _FILE_COLUMNS, known))):
        name = text_of(row["transfer_name"]) or text_of(row["filename"])
        if isinstance(row["message_id"], int) and not name.lower().endswith(_PREVIEW):
            yield row["message_id"], _file(name.rpartition("/")[2], row)


def _file(name: str, row: sqlite3.Row) -> MessageFile:
    mime = text_of(row["mime_type"]).partition("/")[0]
    if number_of(row["is_sticker"]):
        return MessageFile(name, "sticker")
    if name.lower().endswith(".vcf"):
        return MessageFile(name, "other")
    kinds: dict[str, Kind] = {"image": "image", "video": "video", "audio": "audio"}
    return MessageFile(name, kinds.get(mime) or file_kind(name))


def _selected(table: str, wanted: tuple[str, ...], known: frozenset[str]) -> str:
    return ", ".join(f"{table}.{name}" if name in known else f"NULL AS {name}" for name in wanted)


def number_of(value: Any) -> float:
    """Return a column's number; 0 for any other value, and for one that is infinite."""
    return value if isinstance(value, int | float) and math.isfinite(value) else 0
