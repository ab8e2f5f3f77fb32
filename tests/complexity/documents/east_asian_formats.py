"""One chat in the formats of QQ NT and KakaoTalk, and hostile files that only these can hold."""

from collections.abc import Callable
from typing import Any

from tests.complexity.documents.chat_formats import DAY, SECOND, Files, as_json, as_table
from tests.complexity.documents.hostile_chats import Chat, Said

_PROGRAM = {"name": "QQChatExporter", "version": "6.2.7"}


def _qq_message(chat: Chat, number: int, said: Said) -> dict[str, Any]:
    name, parts = chat.names[said.author], [{"type": "text", "data": {"text": said.text}}]
    if said.reply_to:
        parts.insert(0, {"type": "reply", "data": {"referencedMessageId": str(said.reply_to)}})
    return {
        "id": str(number),
        "timestamp": SECOND * 1000,
        "sender": {"uid": f"u_{said.author}", "uin": f"1{said.author:05}", "name": name},
        "type": "text",
        "content": {"text": said.text, "elements": parts},
        "recalled": False,
        "system": False,
    }


def qq_nt(chat: Chat) -> Files:
    messages = [_qq_message(chat, number, said) for number, said in enumerate(chat.messages, 1)]
    info = {"name": chat.name, "type": "group", "selfUid": "u_0"}
    return {"a.json": as_json({"metadata": _PROGRAM, "chatInfo": info, "messages": messages})}


def qq_nt_text(chat: Chat) -> Files:
    rows = [
        f"{chat.names[said.author]}:\n时间: {DAY} 10:00:00\n内容: {said.text}\n\n\n" for said in chat.messages
    ]
    head = f"[QQChatExporter V5 / x]\n\n聊天名称: {chat.name}\n聊天类型: 群聊\n\n\n"
    return {"a.txt": (head + "".join(rows)).encode()}


def qq_nt_parts(chat: Chat) -> Files:
    """Each message in a part of its own."""
    parts = {
        f"chunks/c{number:06}.jsonl": as_json(_qq_message(chat, number, said))
        for number, said in enumerate(chat.messages, 1)
    }
    chunks = [{"relativePath": path} for path in parts]
    info = {"name": chat.name, "type": "group"}
    manifest = {"metadata": _PROGRAM, "chatInfo": info, "chunked": {"chunks": chunks}}
    return {"manifest.json": as_json(manifest), **parts}


def qq_nt_database(chat: Chat) -> Files:
    messages = [
        {
            "time": f"{DAY} 10:00:00",
            "sender": chat.names[said.author],
            "sender_qq": 100000 + said.author,
            "contents": [["[文本]", said.text]],
        }
        for said in chat.messages
    ]
    return {"a.json": as_json(messages)}


def kakaotalk(chat: Chat) -> Files:
    rows = [f"[{chat.names[said.author]}] [오전 10:00] {said.text}" for said in chat.messages]
    head = f"{chat.name} 님과 카카오톡 대화\n저장한 날짜 : {DAY} 10:00:00\n\n"
    return {
        "a.txt": (
            f"{head}--------------- 2024년 1월 15일 월요일 ---------------\n" + "\n".join(rows)
        ).encode()
    }


def kakaotalk_phone(chat: Chat) -> Files:
    rows = [f"Jan 15, 2024 at 10:00, {chat.names[said.author]} : {said.text}" for said in chat.messages]
    head = f"KakaoTalk Chats with {chat.name}\nDate Saved : Jan 15, 2024 at 10:00\n\n\n"
    return {"a.txt": (head + "\n".join(rows)).encode()}


def kakaotalk_table(chat: Chat) -> Files:
    rows = [(f"{DAY} 10:00:00", chat.names[said.author], said.text) for said in chat.messages]
    return {"KakaoTalk_Chat_quay_2024-01-15-10-00-00.csv": as_table(("Date", "User", "Message"), rows)}


def _lines(write: Callable[[Chat], Files], *lines: str) -> Callable[[int], Files]:
    """Return a family of chats whose last message repeats lines that only one format has."""
    return lambda n: write(Chat((Said(0, "hello"), *(Said(1, line * n) for line in lines))))


def _elements(n: int) -> Files:
    chat = Chat((Said(0, "hello"),))
    message = _qq_message(chat, 1, chat.messages[0])
    message["content"]["elements"] *= n
    info = {"name": "a", "type": "group"}
    return {"a.json": as_json({"metadata": _PROGRAM, "chatInfo": info, "messages": [message]})}


EAST_ASIAN_PECULIAR: dict[str, dict[str, Callable[[int], Files]]] = {
    "QQ NT": {
        "elements": _elements,
        "parts": lambda n: qq_nt_parts(Chat(tuple(Said(0, "hello") for _ in range(n)))),
        "text": _lines(qq_nt_text, "\n\na:\n时间: 2024-01-15 10:00:00\n", "[图片:a]", "[", "回复: a - b\n"),
        "quotes": _lines(qq_nt_text, "[回复 a: b]", "\n回复: a - ", "[回复 "),
        "databases": _lines(qq_nt_database, "[文本]", "hello"),
    },
    "KakaoTalk": {
        "computer": _lines(kakaotalk, "\n[a] [오전 9:00] b", "[", "] [", "-- ", "a님이 나갔습니다.\n"),
        "phone": _lines(kakaotalk_phone, "\nJan 15, 2024 at 10:00, a : b", " : ", "Jan 15, ", "\nAna left."),
        "table": _lines(kakaotalk_table, '"', "사진 1장", "\n"),
    },
}
