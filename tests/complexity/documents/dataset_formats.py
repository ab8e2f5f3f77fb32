"""One chat in the format of each importer of data sets: person 0 is the user, all others the assistant."""

import json
from typing import Any

from tests.complexity.documents.chat_formats import Files, as_json
from tests.complexity.documents.hostile_chats import Chat

ROLES = ("user", "assistant")


def alpaca(chat: Chat) -> Files:
    history = [(said.text, "yes") for said in chat.messages]
    return {"a.json": as_json([{"instruction": "hello", "input": "", "output": "yes", "history": history}])}


def chatml(chat: Chat) -> Files:
    turns = [{"role": ROLES[said.author > 0], "content": said.text} for said in chat.messages]
    return {"a.json": as_json([{"messages": turns}])}


def cutegpt(chat: Chat) -> Files:
    return {
        "a.json": as_json(
            [[{"instruction": said.text, "input": "", "output": "yes"} for said in chat.messages]]
        )
    }


def sharegpt(chat: Chat) -> Files:
    turns = [{"from": ("human", "gpt")[said.author > 0], "value": said.text} for said in chat.messages]
    return {"a.json": as_json([{"conversations": turns}])}


def xtuner(chat: Chat) -> Files:
    turns = [{"system": "", "input": "", "output": said.text} for said in chat.messages]
    return {"a.json": as_json([{"conversation": turns}])}


def question_answer(chat: Chat) -> Files:
    rows = [{"question": said.text, "answer": "yes"} for said in chat.messages]
    return {"a.jsonl": "\n".join(json.dumps(row) for row in rows).encode()}


def texts(chat: Chat) -> Files:
    return {"a.jsonl": "\n".join(json.dumps({"text": said.text}) for said in chat.messages).encode()}


def oasst(chat: Chat) -> Files:
    rows: list[dict[str, Any]] = [
        {
            "message_id": str(number),
            "parent_id": str(said.reply_to) if said.reply_to else None,
            "message_tree_id": chat.name,
            "role": ("prompter", "assistant")[said.author > 0],
            "text": said.text,
            "lang": "en",
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"a.jsonl": "\n".join(json.dumps(row) for row in rows).encode()}
