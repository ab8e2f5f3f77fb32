"""ChatLab's interchange format, as one JSON document or as lines."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.decoding import lines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.normalise import clean, drawn_id, numbered, seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind

TITLE = "ChatLab"
_KINDS: dict[int, Kind] = {0: "text", 1: "image", 2: "audio", 3: "video", 4: "file", 5: "sticker", 25: "text"}
_NOTICES = range(80, 99)


class Message(Struct, gc=False):
    """A message, or in lines also a head or a member; the time is Unix seconds."""

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


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        seen: dict[str, int] = {}
        meta: dict[str, Any] = {}
        for item in _items(source, tally):
            if isinstance(item, dict):
                meta = item
            else:
                yield from _said(item, meta, source, seen, tally)


def _items(source: Source, tally: ImportLog) -> Iterator[Message | dict[str, Any]]:
    """What the chat is called, then its messages."""
    if b'"_type"' in source.head():
        for item in lines(source, Message):
            if item.meta is not None:
                yield item.meta
            elif item.row == "message":
                yield item
        return
    document = Json(source)
    for key in document.members():
        if key == "meta":
            yield document.value(dict[str, Any])
        elif key == "messages":
            yield from document.elements(Message)
    tally.skip("unreadable", document.unreadable)


def _said(
    message: Message, meta: dict[str, Any], source: Source, seen: dict[str, int], tally: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        moment = seconds(message.timestamp)
    except ValueError:
        tally.skip("without a date")
        return
    text, name = clean(message.content or ""), clean(str(meta.get("name") or source.name))
    kind: Kind = "notice" if message.type in _NOTICES else _KINDS.get(message.type, "other")
    drawn = drawn_id(moment, message.sender, text)
    group: ChatKind = "group" if meta.get("type") == "group" else "direct"
    yield ExportedMessage(
        platform=clean(str(meta.get("platform") or "chatlab")),
        chat=str(meta.get("groupId") or name),
        id=message.platformMessageId or drawn_id(drawn, numbered(drawn, seen)),
        author=message.sender,
        author_name=clean(message.groupNickname or message.accountName or message.sender),
        time=moment,
        source=source.label,
        text=text if kind == "text" else "",
        chat_kind=group,
        chat_name=name,
        reply_to=message.replyToMessageId,
        kind=kind,
    )
