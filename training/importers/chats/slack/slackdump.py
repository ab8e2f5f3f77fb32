"""slackdump: its archive (slackdump.sqlite), and the JSON of one conversation that `slackdump dump` writes.

Source: rusq/slackdump, seen at commit 3d52f4f (dbase/repository/migrations, types/conversation.go). Messages
are Slack's own objects, with the ids of Slack's export, which `slackdump export` writes as well. The archive
has the rows of each run, and `WORKSPACE` names the account that ran it; JSON names nobody.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from training.importers.chats.slack.messages import (
    SlackChat,
    SlackMessage,
    SlackPeople,
    convert_message,
    find_people,
)
from training.importers.reading.database import MAGIC, check_tables, has_tables, open_database
from training.importers.reading.decoding import decode_json
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import clean_text
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "slackdump"
GUIDE = Guide(
    steps="With slackdump: slackdump archive, or slackdump dump with the id of a conversation.",
    reads="It reads messages with authors, times, threads and edits, and the names of files.",
    leaves_out="Left out are messages of bots and of Slack itself, reactions, and what only a search found.",
    marks=("MESSAGE", "CHANNEL", "S_USER", "WORKSPACE"),
)
# of a message that several runs fetched, the row of the last one
_MESSAGES = "SELECT CHANNEL_ID, DATA, max(CHUNK_ID) FROM MESSAGE GROUP BY CHANNEL_ID, TS"
_CHANNELS = "SELECT ID, NAME, DATA, max(CHUNK_ID) FROM CHANNEL GROUP BY ID"
_PEOPLE = "SELECT ID, DATA, max(CHUNK_ID) FROM S_USER GROUP BY ID"


class DumpedMessage(SlackMessage):
    """A message of a conversation, with the answers of its thread, the first of which may be itself."""

    slackdump_thread_replies: list[SlackMessage] | None = None


Value = TypeVar("Value")
_ROW = msgspec.json.Decoder(SlackMessage)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def recognises(head: FileHead) -> bool:
    if head.raw.startswith(MAGIC):
        return has_tables(head, "CHUNK", "MESSAGE") and b"THREAD_TS" in head.raw
    return head.has("channel_id", "messages", "messages[].ts")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        is_database = source.head().startswith(MAGIC)
        yield from _tables(source, log) if is_database else _conversation(source, log)


def _tables(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    unreadable = 0
    with open_database(source) as database:
        check_tables(database, "MESSAGE", "CHANNEL", "S_USER", "WORKSPACE")
        people = _people(database)
        chats = _chats(database, people, source.label)
        for row in database.execute(_MESSAGES):
            chat_id = clean_text(str(row["CHANNEL_ID"]))
            chat = chats.get(chat_id) or SlackChat(chat_id, chat_id, "group", source.label)
            message = _decode(row["DATA"], _ROW)
            if message is None:
                unreadable += 1
            elif exported := convert_message(message, chat, people, log):
                yield exported
    log.skip("unreadable", unreadable)


def _decode(data: object, decoder: "msgspec.json.Decoder[Value]") -> Value | None:
    """Return the value of a cell of JSON; None for one that cannot be read."""
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    try:
        return decode_json(decoder, raw) if isinstance(raw, bytes) else None
    except (ValueError, RecursionError):
        return None


def _people(database: sqlite3.Connection) -> SlackPeople:
    fields = {str(row["ID"]): _decode(row["DATA"], _OBJECT) or {} for row in database.execute(_PEOPLE)}
    selves = {str(row["USER_ID"]) for row in database.execute("SELECT USER_ID FROM WORKSPACE")}
    return find_people(fields, frozenset(selves))


def _chats(database: sqlite3.Connection, people: SlackPeople, label: str) -> dict[str, SlackChat]:
    chats = {}
    for row in database.execute(_CHANNELS):
        id, fields = clean_text(str(row["ID"])), _decode(row["DATA"], _OBJECT) or {}
        name = clean_text(str(row["NAME"] or people.names.get(str(fields.get("user"))) or id))
        chats[id] = SlackChat(id, name, "direct" if fields.get("is_im") is True else "group", label)
    return chats


def _conversation(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of one conversation; the answers of a thread stand in its first message."""
    document, people = JsonReader(source), find_people({})
    id = name = ""
    for key in document.members():
        if key == "channel_id":
            id = clean_text(document.value(str))
        elif key == "name":
            name = clean_text(str(document.value(object) or ""))
        elif key == "messages" and document.first() == b"[":
            kind: ChatKind = "direct" if id[:1] == "D" else "group"
            chat = SlackChat(id or source.name, name or id, kind, source.label)
            for message in document.elements(DumpedMessage):
                answers = message.slackdump_thread_replies or []
                for said in (message, *(each for each in answers if each.ts != message.ts)):
                    if exported := convert_message(said, chat, people, log):
                        yield exported
    log.skip("unreadable", document.unreadable)
