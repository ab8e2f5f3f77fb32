"""A conversation as a file: Markdown for people, JSON for programs."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import web

from bot.message import Message, Place
from bot.platforms.web.conversations import Conversations
from bot.text.one_line import one_line

MAX_EXPORTED = 100_000  # messages
_LONGEST_LINE = 200  # characters of a name or a title
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&@:/])")
_LINE_ENDS = re.compile(r"\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


async def export_conversation(conversations: Conversations, place: Place, *, as_json: bool) -> web.Response:
    """Return a conversation as a download."""
    shown = await conversations.memory.shown_messages(place, MAX_EXPORTED)
    messages, title = [each.message for each in shown], await conversations.title(place)
    text = json_export(title, messages) if as_json else markdown_export(title, messages)
    kind, end = ("application/json", "json") if as_json else ("text/markdown", "md")
    day = datetime.fromtimestamp(conversations.chat.clock(), UTC).date().isoformat()
    name = f"alterego-{day}-{place.chat[:8].strip('-_')}.{end}"
    headers = {
        "Content-Type": f"{kind}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return web.Response(body=text.encode("utf-8", "replace"), headers=headers)


def markdown_export(title: str, messages: Iterable[Message]) -> str:
    """Return messages as Markdown: names without marks, and each text as a quotation, so that none is two."""
    head = f"# {_plain(title)}\n\n" if title else ""
    return head + "\n".join(map(_markdown, messages))


def json_export(title: str, messages: Iterable[Message]) -> str:
    """Return messages as JSON; times are Unix seconds."""
    listed = [
        {"author": each.author.name, "persona": each.persona, "text": each.text, "time": each.time}
        for each in messages
    ]
    return json.dumps({"title": title, "messages": listed}, ensure_ascii=False, indent=2) + "\n"


def _markdown(message: Message) -> str:
    time = datetime.fromtimestamp(message.time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = _LINE_ENDS.split(message.text.replace("<", "&lt;").replace("![", "!\\["))
    quoted = "\n".join(f"> {line}".rstrip() for line in lines)
    return f"**{_plain(message.author.name)}** · {time}\n\n{quoted}\n"


def _plain(text: str) -> str:
    """Return a text in one line whose marks are letters."""
    return _MARKS.sub(r"\\\1", one_line(text, _LONGEST_LINE))
