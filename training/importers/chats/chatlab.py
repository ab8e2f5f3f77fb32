"""ChatLab's interchange format, as one JSON document or as JSON Lines.

Source: hellodigua/ChatLab, seen at commit 4e7ba91.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.decoding import read_json_lines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "ChatLab"
GUIDE = Guide(
    steps=(
        "In ChatLab: open a chat, export it in ChatLab's own format, and choose JSON or JSONL; other "
        "programs write this format too."
    ),
    reads="It reads messages with their senders, nicknames in groups, replies and ids.",
    leaves_out=(
        "Notices, withdrawn messages, bundles of forwarded messages, payments and placeholders of media are "
        "no words."
    ),
    marks=("chatlab", "meta", "messages", "sender", "accountName", "timestamp"),
)
_MILLISECONDS = 1e11  # from here on a time is no number of seconds, as it should be
# type numbers of ChatLab's standard: 26 is a bundle of forwarded messages, 99 means "other"
_KINDS: dict[int, RecordKind] = {
    0: "words",
    1: "image",
    2: "audio",
    3: "video",
    4: "file",
    5: "sticker",
    7: "share",
    8: "location",
    20: "payment",
    21: "payment",
    22: "notice",
    23: "call",
    24: "share",
    25: "words",
    26: "share",
    27: "contact",
    80: "notice",
    81: "notice",
    99: "event",
}


class ChatLabMessage(Struct, gc=False):
    """A message; among JSON Lines also the header or a member. `timestamp` is in Unix seconds."""

    row: str = field(name="_type", default="message")
    sender: str | int = ""
    accountName: str | None = ""
    groupNickname: str | None = None
    timestamp: float = -1
    type: int = 0
    content: str | None = None
    platformMessageId: str | int | None = None
    replyToMessageId: str | int | None = None
    meta: dict[str, Any] | None = None


def recognises(head: FileHead) -> bool:
    return head.has("chatlab", "meta") or (head.has("chatlab") and head.has("_type"))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        ids = MessageIds()
        meta: dict[str, Any] = {}
        for item in _items(source, log):
            if isinstance(item, dict):
                meta = item
            else:
                yield from _convert(item, meta, source, ids, log)


def _items(source: Source, log: ImportLog) -> Iterator[ChatLabMessage | dict[str, Any]]:
    """Yield the chat's meta object and its messages, in the order of the file."""
    if b'"_type"' in source.head():
        for item in read_json_lines(source, ChatLabMessage, comment=b"#"):
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
    message: ChatLabMessage, meta: dict[str, Any], source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        seconds = message.timestamp
        time = unix_seconds(seconds / 1000 if seconds > _MILLISECONDS else seconds)
    except ValueError:
        log.skip("without a date")
        return
    text, name = clean_text(message.content or ""), clean_text(str(meta.get("name") or source.name))
    kind = kept_kind(_KINDS.get(message.type), message.type, log)
    if kind is None:
        return
    chat, owner = str(meta.get("groupId") or name), str(meta.get("ownerId") or "")
    sender, parent = str(message.sender), str(message.replyToMessageId or "")
    chat_kind: ChatKind = "group" if meta.get("type") == "group" else "direct"
    yield ExportedMessage(
        platform=clean_text(str(meta.get("platform") or "chatlab")),
        chat=chat,
        id=ids.choose(str(message.platformMessageId or ""), chat, time, sender, text),
        author=sender,
        author_name=clean_text(message.groupNickname or message.accountName or sender),
        time=time,
        source=source.label,
        text=text if kind == "text" else "",
        is_self=sender == owner if owner else None,
        chat_kind=chat_kind,
        chat_name=name,
        reply_to=parent if is_id(parent) else None,
        kind=kind,
    )
