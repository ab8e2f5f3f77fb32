"""One chat in the format of each importer of chats, as files by path."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.complexity.documents.hostile_chats import Chat

Files = dict[str, bytes]
Writer = Callable[[Chat], Files]
DAY = "2024-01-15"
SECOND = int(datetime(2024, 1, 15, 10, tzinfo=UTC).timestamp())


def as_json(value: Any, before: str = "") -> bytes:
    return (before + json.dumps(value, ensure_ascii=False)).encode()


def as_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    table = io.StringIO()
    csv.writer(table).writerows([columns, *rows])
    return table.getvalue().encode()


def telegram(chat: Chat) -> Files:
    messages = [
        {
            "id": number,
            "type": "message",
            "date": f"{DAY}T10:00:00",
            "date_unixtime": str(SECOND),
            "from": chat.names[said.author],
            "from_id": f"user{said.author}",
            "text": said.text,
            **({"reply_to_message_id": said.reply_to} if said.reply_to else {}),
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    return {
        "result.json": as_json({"name": chat.name, "type": "private_group", "id": 7, "messages": messages})
    }


def discord_exporter(chat: Chat) -> Files:
    people = [{"id": str(at), "name": name, "nickname": name} for at, name in enumerate(chat.names)]
    messages = [
        {
            "id": str(number),
            "type": "Reply" if said.reply_to else "Default",
            "timestamp": f"{DAY}T10:00:00+00:00",
            "content": said.text,
            "author": people[said.author],
            "mentions": people if "<@" in said.text else [],
            **({"reference": {"messageId": str(said.reply_to), "channelId": "5"}} if said.reply_to else {}),
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    channel = {"id": "5", "type": "GuildTextChat", "name": chat.name}
    return {"a.json": as_json({"guild": {"id": "1", "name": "g"}, "channel": channel, "messages": messages})}


def discord_package(chat: Chat) -> Files:
    messages = [
        {"ID": number, "Timestamp": f"{DAY} 10:00:00", "Contents": said.text}
        for number, said in enumerate(chat.messages, 1)
    ]
    folder = "messages/c1234567890123456"
    return {
        f"{folder}/messages.json": as_json(messages),
        f"{folder}/channel.json": as_json({"id": "1234567890123456", "type": "DM", "name": chat.name}),
        "account/user.json": as_json({"id": "1", "username": chat.names[0], "relationships": []}),
    }


def chatlab(chat: Chat) -> Files:
    messages = [
        {
            "sender": str(said.author),
            "accountName": chat.names[said.author],
            "timestamp": SECOND,
            "type": 0,
            "content": said.text,
            "platformMessageId": str(number),
            "replyToMessageId": str(said.reply_to or ""),
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    meta = {"name": chat.name, "platform": chat.name, "type": "group"}
    return {"a.json": as_json({"chatlab": {"version": "1"}, "meta": meta, "messages": messages})}


def meta(chat: Chat) -> Files:
    messages = [
        {"sender_name": chat.names[said.author], "timestamp_ms": SECOND * 1000, "content": said.text}
        for said in chat.messages
    ]
    people = [{"name": name} for name in chat.names]
    thread = {"title": chat.name, "thread_path": f"inbox/{chat.name}"}
    return {"inbox/a/message_1.json": as_json({"participants": people, "messages": messages, **thread})}


def messenger_e2ee(chat: Chat) -> Files:
    messages = [
        {"senderName": chat.names[said.author], "timestamp": SECOND * 1000, "text": said.text, "type": "text"}
        for said in chat.messages
    ]
    return {"a_1.json": as_json({"participants": chat.names, "threadName": chat.name, "messages": messages})}


def signal(chat: Chat) -> Files:
    messages = [
        {"date": f"{DAY}T10:00:00", "sender": chat.names[said.author], "body": said.text, "quote": ""}
        for said in chat.messages
    ]
    rows = [f"[{DAY} 10:00:00] {chat.names[said.author]}: {said.text}  \n" for said in chat.messages]
    return {
        "a/data.json": b"\n".join(map(as_json, messages)),
        "a/chat.md": "".join(rows).encode(),
    }


def slack(chat: Chat) -> Files:
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
    people = [{"id": f"U{at}", "profile": {"display_name": name}} for at, name in enumerate(chat.names)]
    return {"users.json": as_json(people), f"general/{DAY}.json": as_json(messages)}


def reddit(chat: Chat) -> Files:
    columns = ("id", "permalink", "date", "ip", "subreddit", "gildings", "link", "parent", "body")
    rows = [
        (number, "", f"{DAY} 10:00:00 UTC", "", chat.name, 0, "", f"t1_{said.reply_to}", said.text)
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"comments.csv": as_table(columns, rows)}


def weibo(chat: Chat) -> Files:
    columns = ("id", "bid", "正文", "日期", "是否原创", "源微博id", "源微博正文", "源用户昵称")
    rows = [
        (number, "", said.text, DAY, not said.reply_to, said.reply_to or "", "words", chat.name)
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"7001.csv": as_table(columns, rows)}


def wechat(chat: Chat) -> Files:
    columns = ("id", "MsgSvrID", "type_name", "is_sender", "talker", "room_name", "msg", "CreateTime")
    rows = [
        (number, "", "文本", 0, chat.names[said.author], chat.name, said.text, f"{DAY} 10:00:00")
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"quay/quay_0_1.csv": as_table(columns, rows)}


def line(chat: Chat) -> Files:
    rows = [f"10:00\t{chat.names[said.author]}\t{said.text}" for said in chat.messages]
    head = f"[LINE] Chat history in {chat.name}\nSaved on: 1/15/2024, 10:00\n\n2024/01/15(Mon)\n"
    return {"a.txt": (head + "\n".join(rows)).encode()}


def qq(chat: Chat) -> Files:
    rows = [
        f"{DAY} 10:00:00 {chat.names[said.author]}(1{said.author:05})\n{said.text}\n"
        for said in chat.messages
    ]
    head = f"消息记录（此消息记录为文本格式，不支持重新导入）\n\n消息分组:我的好友\n消息对象:{chat.name}\n\n"
    return {"a.txt": (head + "\n".join(rows)).encode()}


def whatsapp(chat: Chat) -> Files:
    rows = [f"1/15/24, 10:00 - {chat.names[said.author]}: {said.text}" for said in chat.messages]
    return {"a.txt": "\n".join(rows).encode()}


def twitter(chat: Chat) -> Files:
    tweets = [
        {
            "tweet": {
                "id_str": str(number),
                "created_at": "Mon Jan 15 10:00:00 +0000 2024",
                "full_text": said.text,
                "entities": {"user_mentions": [{"id_str": "2", "name": chat.names[-1]}]},
                **({"in_reply_to_status_id_str": str(said.reply_to)} if said.reply_to else {}),
                **(
                    {"in_reply_to_user_id_str": "2", "in_reply_to_screen_name": "bo"} if said.reply_to else {}
                ),
            }
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    notes = [
        {"noteTweet": {"createdAt": f"{DAY}T10:00:00.000Z", "core": {"text": said.text}}}
        for said in chat.messages
    ]
    account = [
        {"account": {"accountId": "1", "username": chat.names[0], "accountDisplayName": chat.names[0]}}
    ]
    events = [
        {
            "messageCreate": {
                "id": str(number),
                "senderId": "2",
                "text": said.text,
                "createdAt": f"{DAY}T10:00:00.000Z",
            }
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    blocks = [{"dmConversation": {"conversationId": "1-2", "messages": events}}]
    return {
        "data/account.js": as_json(account, "window.YTD.account.part0 = "),
        "data/tweets.js": as_json(tweets, "window.YTD.tweets.part0 = "),
        "data/note-tweet.js": as_json(notes, "window.YTD.note_tweet.part0 = "),
        "data/direct-messages.js": as_json(blocks, "window.YTD.direct_messages.part0 = "),
    }
