"""One chat as a talk with each assistant, where person 0 is the user, and in LinkedIn's files."""

from typing import Any

from tests.complexity.documents.chat_formats import DAY, SECOND, Files, as_json, as_table
from tests.complexity.documents.hostile_chats import Chat, Said

CLOCK = f"{DAY}T10:00:00.000Z"


def chatgpt(chat: Chat) -> Files:
    nodes: dict[str, Any] = {"0": {"id": "0", "message": None, "parent": None}}
    for number, said in enumerate(chat.messages, 1):
        message = {
            "id": str(number),
            "author": {"role": "assistant" if said.author else "user"},
            "create_time": SECOND,
            "content": {"content_type": "text", "parts": [said.text]},
        }
        nodes[str(number)] = {"id": str(number), "message": message, "parent": str(number - 1)}
    conversation = {"conversation_id": "c", "title": chat.name, "current_node": str(len(chat.messages))}
    return {"conversations.json": as_json([{**conversation, "create_time": SECOND, "mapping": nodes}])}


def claude(chat: Chat) -> Files:
    messages = [
        {
            "uuid": str(number),
            "sender": "assistant" if said.author else "human",
            "text": said.text,
            "content": [{"type": "text", "text": said.text}],
            "created_at": CLOCK,
            "parent_message_uuid": str(number - 1),
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    conversation = {"uuid": "c", "name": chat.name, "created_at": CLOCK, "chat_messages": messages}
    return {"conversations.json": as_json([conversation])}


def gemini(chat: Chat) -> Files:
    turns = [_gemini_turn(number, said) for number, said in enumerate(chat.messages)]
    conversation = {"title": chat.name, "creation_time": CLOCK, "conversation_turns": turns}
    return {"conversation_1.txt": as_json(conversation)}


def _gemini_turn(number: int, said: Said) -> dict[str, Any]:
    fields: dict[str, Any] = {"turn_index": number, "turn_last_modified": CLOCK}
    if said.author:
        return {"system_turn": {**fields, "text": [{"data": said.text}]}}
    return {"user_turn": {**fields, "prompt": said.text}}


def gemini_activity(chat: Chat) -> Files:
    records = [
        {
            "header": "Gemini Apps",
            "title": f"Prompted {said.text} Attached 1 file.",
            "time": CLOCK,
            "safeHtmlItem": [{"html": said.text}, {"html": f"<p>{said.text}</p>"}],
        }
        for said in chat.messages
    ]
    return {"MyActivity.json": as_json(records)}


def sillytavern(chat: Chat) -> Files:
    header = {"user_name": chat.names[0], "character_name": chat.names[-1], "chat_metadata": {}}
    messages = [
        {
            "name": chat.names[said.author],
            "is_user": not said.author,
            "send_date": "January 15, 2024 10:00am",
            "mes": said.text,
            "swipes": [said.text, said.text],
            "swipe_id": 0,
        }
        for said in chat.messages
    ]
    return {"a.jsonl": b"\n".join(map(as_json, (header, *messages)))}


def linkedin(chat: Chat) -> Files:
    columns = ("CONVERSATION ID", "CONVERSATION TITLE", "FROM", "SENDER PROFILE URL", "DATE", "CONTENT")
    rows = [
        ("2-a", chat.name, name, f"https://www.linkedin.com/in/p{said.author}", f"{DAY} 10:00:00 UTC", text)
        for said in chat.messages
        for name, text in [(chat.names[said.author], said.text)]
    ]
    return {"messages.csv": as_table(columns, rows)}


def linkedin_posts(chat: Chat) -> Files:
    columns = ("Date", "ShareLink", "ShareCommentary", "SharedUrl", "MediaUrl", "Visibility")
    link = "https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A"
    rows = [
        (f"{DAY} 10:00:00", f"{link}{number}", said.text, "", "", "PUBLIC")
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"Shares.csv": as_table(columns, rows)}


def textgen(chat: Chat) -> Files:
    pairs = [("", said.text) if said.author else (said.text, "") for said in chat.messages]
    times = {f"user_{number}": {"timestamp": "Jan 15, 2024 10:00"} for number in range(len(pairs))}
    return {"a.json": as_json({"internal": pairs, "visible": pairs, "metadata": times})}


def risuai(chat: Chat) -> Files:
    messages = [
        {"role": "char" if said.author else "user", "data": said.text, "time": SECOND * 1000}
        for said in chat.messages
    ]
    return {
        "a.json": as_json({"type": "risuChat", "ver": 2, "data": {"name": chat.name, "message": messages}})
    }


def agnai(chat: Chat) -> Files:
    messages = [
        {"_id": str(number), "msg": said.text, "userId": "" if said.author else "u", "createdAt": CLOCK}
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"a.json": as_json({"name": chat.name, "greeting": "", "messages": messages})}


def characterai(chat: Chat) -> Files:
    messages = [{"text": said.text, "src": {"is_human": not said.author}} for said in chat.messages]
    return {"a.json": as_json({"info": {}, "histories": {"histories": [{"msgs": messages}]}})}
