"""One chat in the formats of phones: iMessage, SMS, and Signal's own export and sigtop's."""

import sqlite3
from base64 import b64encode
from contextlib import closing
from xml.sax.saxutils import quoteattr

from tests.complexity.documents.chat_formats import SECOND, Files, as_json
from tests.complexity.documents.hostile_chats import Chat

APPLE = 978_307_200  # 2001-01-01 in Unix seconds
# the Messages database as far as it is read
SCHEMA = """
PRAGMA page_size = 512;
CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT, attributedBody BLOB,
    handle_id INTEGER, service TEXT, subject TEXT, date INTEGER, is_from_me INTEGER, item_type INTEGER,
    message_summary_info BLOB, date_edited INTEGER, associated_message_type INTEGER,
    thread_originator_guid TEXT, balloon_bundle_id TEXT, is_system_message INTEGER, is_auto_reply INTEGER,
    is_forward INTEGER);
CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, guid TEXT, style INTEGER, chat_identifier TEXT,
    display_name TEXT);
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT, service TEXT);
CREATE TABLE attachment (ROWID INTEGER PRIMARY KEY, filename TEXT, transfer_name TEXT, mime_type TEXT,
    is_sticker INTEGER);
CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);
CREATE TABLE message_attachment_join (message_id INTEGER, attachment_id INTEGER);
"""


def imessage(chat: Chat) -> Files:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SCHEMA)
        database.execute(
            "INSERT INTO chat VALUES (1, 'a', 43, 'c', ?)",
            (chat.name,),
        )
        database.executemany("INSERT INTO handle (ROWID, id) VALUES (?, ?)", enumerate(chat.names, 1))
        database.executemany(
            "INSERT INTO message (ROWID, guid, text, handle_id, date, is_from_me, service,"
            " thread_originator_guid) VALUES (?, ?, ?, ?, ?, 0, 'iMessage', ?)",
            [
                (
                    number,
                    f"g{number}",
                    said.text,
                    said.author + 1,
                    SECOND - APPLE,
                    f"g{said.reply_to}" if said.reply_to else None,
                )
                for number, said in enumerate(chat.messages, 1)
            ],
        )
        database.executemany(
            "INSERT INTO chat_message_join VALUES (1, ?)", [(at,) for at in range(1, len(chat.messages) + 1)]
        )
        database.commit()
        return {"chat.db": database.serialize()}


def imessage_exporter(chat: Chat) -> Files:
    blocks = [
        f"Jan 15, 2024 10:00:00 AM\n{chat.names[said.author]}\n{said.text}\n\n" for said in chat.messages
    ]
    return {"a.txt": "".join(blocks).encode()}


def sms_backup(chat: Chat) -> Files:
    rows = [
        f'<mms date="{SECOND * 1000}" msg_box="1" address="1000~1001" contact_name={quoteattr(chat.name)}>'
        f'<parts><part ct="text/plain" text={quoteattr(said.text)}/>'
        '<part ct="image/png" data="aGVq"/></parts>'
        f'<addrs><addr address={quoteattr(chat.names[said.author])} type="137"/></addrs></mms>'
        for said in chat.messages
    ]
    return {
        "sms.xml": f"<?xml version='1.0'?><smses count='1'>{''.join(rows)}</smses>".encode("utf-8", "replace")
    }


def signal_plaintext(chat: Chat) -> Files:
    people = [
        {"recipient": {"id": str(at), "contact": {"e164": str(1000 + at), "profileGivenName": name}}}
        for at, name in enumerate(chat.names, 1)
    ]
    group = {"masterKey": b64encode(b"key").decode(), "snapshot": {"title": {"title": chat.name}}}
    frames = [
        {"version": "1", "backupTimeMs": str(SECOND * 1000)},
        {"account": {"givenName": "Mara"}},
        *people,
        {"recipient": {"id": "999999", "group": group}},
        {"chat": {"id": "1", "recipientId": "999999"}},
    ]
    for number, said in enumerate(chat.messages, 1):
        quote = (
            {"targetSentTimestamp": str(SECOND * 1000 + said.reply_to), "authorId": "1"}
            if said.reply_to
            else {}
        )
        message = {"text": {"body": said.text}, **({"quote": quote} if quote else {})}
        item = {"chatId": "1", "authorId": str(said.author + 1), "dateSent": str(SECOND * 1000 + number)}
        frames.append({"chatItem": {**item, "incoming": {}, "standardMessage": message}})
    return {"main.jsonl": b"\n".join(map(as_json, frames))}


def sigtop(chat: Chat) -> Files:
    blocks = [
        f"From: {chat.names[said.author]} (+1{said.author:05})\nType: incoming\n"
        f"Sent: Mon, 15 Jan 2024 10:00:00 +0000\n\n{said.text}\n\n"
        for said in chat.messages
    ]
    return {"a (group).txt": f"Conversation: {chat.name} (group)\n\n{''.join(blocks)}".encode()}
