"""One chat in the formats of archives of servers and of Google's chats, as files by path."""

import html
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing

from tests.complexity.documents.chat_formats import SECOND, Files, as_json
from tests.complexity.documents.hostile_chats import Chat

Rows = Iterable[Sequence[object]]
_DISCORD = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, display_name TEXT, discriminator TEXT);"
    "CREATE TABLE servers (id INTEGER PRIMARY KEY, name TEXT, type TEXT);"
    "CREATE TABLE channels (id INTEGER PRIMARY KEY, server INTEGER, name TEXT);"
    "CREATE TABLE messages (message_id INTEGER PRIMARY KEY, sender_id INTEGER, channel_id INTEGER, text TEXT,"
    " timestamp INTEGER);"
    "CREATE TABLE message_replied_to (message_id INTEGER PRIMARY KEY, replied_to_id INTEGER)"
)
_SLACK = (
    "CREATE TABLE CHUNK (ID INTEGER PRIMARY KEY);"
    "CREATE TABLE MESSAGE (ID INTEGER, CHUNK_ID INTEGER, CHANNEL_ID TEXT, TS TEXT, THREAD_TS TEXT, DATA BLOB)"
    ";"
    "CREATE TABLE CHANNEL (ID TEXT, CHUNK_ID INTEGER, NAME TEXT, DATA BLOB);"
    "CREATE TABLE WORKSPACE (USER_ID TEXT);"
    "CREATE TABLE S_USER (ID TEXT, CHUNK_ID INTEGER, DATA BLOB)"
)


def as_database(tables: str, rows: dict[str, Rows]) -> bytes:
    """Return the bytes of a database; `rows` by table."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(tables)
        for table, values in rows.items():
            for row in values:
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        database.commit()
        return database.serialize()


def discord_history(chat: Chat) -> Files:
    numbered = list(enumerate(chat.messages, 1))
    people = [(at, name, name, None) for at, name in enumerate(chat.names)]
    said = [(at, each.author, 5, each.text, SECOND * 1000) for at, each in numbered]
    answers = [(at, each.reply_to) for at, each in numbered if each.reply_to]
    rows: dict[str, Rows] = {
        "users": people,
        "servers": [(1, "g", "SERVER")],
        "channels": [(5, 1, chat.name)],
    }
    return {"a.dht": as_database(_DISCORD, {**rows, "messages": said, "message_replied_to": answers})}


def slackdump(chat: Chat) -> Files:
    messages = [
        {
            "ts": f"{SECOND}.{number:06}",
            "type": "message",
            "user": f"U{said.author}",
            "text": said.text,
            **({"thread_ts": f"{SECOND}.{said.reply_to:06}"} if said.reply_to else {}),
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    people = [
        (f"U{at}", 1, as_json({"profile": {"display_name": name}})) for at, name in enumerate(chat.names)
    ]
    rows: dict[str, Rows] = {
        "MESSAGE": [(at, 1, "C1", each["ts"], None, as_json(each)) for at, each in enumerate(messages)],
        "CHANNEL": [("C1", 1, chat.name, as_json({"is_channel": True}))],
        "S_USER": people,
    }
    return {"slackdump.sqlite": as_database(_SLACK, rows)}


def google_chat(chat: Chat) -> Files:
    people = [
        {"name": name, "email": f"{at}@quay.example", "user_type": "Human"}
        for at, name in enumerate(chat.names)
    ]
    messages = [
        {
            "creator": people[said.author],
            "created_date": "Monday, January 15, 2024 at 10:00:00\u202fAM UTC",
            "text": said.text,
            "topic_id": f"t{number}",
            "message_id": f"AAAA/t{number}/t{number}",
            **(
                {"quoted_message_metadata": {"message_id": f"AAAA/t{said.reply_to}/t{said.reply_to}"}}
                if said.reply_to
                else {}
            ),
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    group = "Google Chat/Groups/Space AAAA"
    return {
        f"{group}/messages.json": as_json({"messages": messages}),
        f"{group}/group_info.json": as_json({"name": chat.name, "members": people}),
        "Google Chat/Users/User 1/user_info.json": as_json({"user": people[0], "membership_info": []}),
    }


def google_voice(chat: Chat) -> Files:
    names = [html.escape(name) for name in chat.names]
    records = [
        '<div class="message"><abbr class="dt" title="2024-01-15T10:00:00.000-00:00">10:00</abbr>:\n'
        f'<cite class="sender vcard"><a class="tel" href="tel:+{said.author}">'
        f'<span class="fn">{names[said.author]}</span></a></cite>:\n<q>{html.escape(said.text)}</q>\n</div>'
        for said in chat.messages
    ]
    page = (
        f"<html><head><title>{html.escape(chat.name)}</title></head>\n"
        f'<body><div class="hChatLog hfeed">{" ".join(records)}</div></body></html>'
    )
    return {"Voice/Calls/Bo - Text - 2024-01-15T10_00_00Z.html": page.encode()}


def google_hangouts(chat: Chat) -> Files:
    events = [
        {
            "conversation_id": {"id": "Ug1"},
            "sender_id": {"gaia_id": str(said.author)},
            "timestamp": str(SECOND * 1_000_000),
            "event_id": f"e{number}",
            "event_type": "REGULAR_CHAT_MESSAGE",
            "chat_message": {"message_content": {"segment": [{"type": "TEXT", "text": said.text}]}},
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    people = [{"id": {"gaia_id": str(at)}, "fallback_name": name} for at, name in enumerate(chat.names)]
    inner = {"id": {"id": "Ug1"}, "type": "GROUP", "name": chat.name, "participant_data": people}
    conversation = {"conversation_id": {"id": "Ug1"}, "conversation": inner}
    return {"Hangouts.json": as_json({"conversations": [{"conversation": conversation, "events": events}]})}
