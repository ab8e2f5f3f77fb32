"""ChatLab's interchange format, as one JSON document or as JSON Lines.

Source: hellodigua/ChatLab, seen at commit 4e7ba91.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.decoding import read_json_lines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import clean_text, unique_id, unix_seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind

TITLE = "ChatLab"
_KINDS: dict[int, Kind] = {0: "text", 1: "image", 2: "audio", 3: "video", 4: "file", 5: "sticker", 25: "text"}
_NOTICES = range(80, 99)


class ChatLabMessage(Struct, gc=False):
    """A message; among JSON Lines also the header or a member. `timestamp` is in Unix seconds."""

    row: str = field(name="_type", default="message")
    sender: str = ""
    accountName: str = ""
    groupNickname: str | None = None
    timestamp: float = -1
    type: int = 0
    content: str | None = None
    platformMessageId: str | None = None
    replyToMessageId: str | None = None
    meta: dict[str, Any] | None = None


def recognises(head: FileHead) -> bool:
    return head.has("chatlab", "meta") or (head.has("chatlab") and head.has("_type"))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        seen: dict[str, int] = {}
        meta: dict[str, Any] = {}
        for item in _items(source, log):
            if isinstance(item, dict):
                meta = item
            else:
                yield from _convert(item, meta, source, seen, log)


def _items(source: Source, log: ImportLog) -> Iterator[ChatLabMessage | dict[str, Any]]:
    """Yield the chat's meta object and its messages, in the order of the file."""
    if b'"_type"' in source.head():
        for item in read_json_lines(source, ChatLabMessage):
            if item.meta is not None:
                yield item.meta
            elif item.row == "message":
                yield item
        return
    document = JsonReader(source)
    for key in document.members():
        if key == "meta":
            yield document.value(dict[str, Any])
        elif key == "messages":
            yield from document.elements(ChatLabMessage)
    log.skip("unreadable", document.unreadable)


def _convert(
    message: ChatLabMessage, meta: dict[str, Any], source: Source, seen: dict[str, int], log: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        time = unix_seconds(message.timestamp)
    except ValueError:
        log.skip("without a date")
        return
    text, name = clean_text(message.content or ""), clean_text(str(meta.get("name") or source.name))
    kind: Kind = "notice" if message.type in _NOTICES else _KINDS.get(message.type, "other")
    chat_kind: ChatKind = "group" if meta.get("type") == "group" else "direct"
    yield ExportedMessage(
        platform=clean_text(str(meta.get("platform") or "chatlab")),
        chat=str(meta.get("groupId") or name),
        id=message.platformMessageId or unique_id(seen, time, message.sender, text),
        author=message.sender,
        author_name=clean_text(message.groupNickname or message.accountName or message.sender),
        time=time,
        source=source.label,
        text=text if kind == "text" else "",
        chat_kind=chat_kind,
        chat_name=name,
        reply_to=message.replyToMessageId,
        kind=kind,
    )
