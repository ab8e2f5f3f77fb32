"""QQNT_Export's JSON, made of QQ's own databases: each message as parts of a tag and a text.

A file is a chat. In a group, a message has its author's name and number; between two people it says only
whether it came in or went out.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

# the tags of exporter/txt/elements.py; a quoted message has its tag behind "[被引用的消息]"
TAGS: dict[str, RecordKind] = {
    "[文本]": "words",
    "[图片]": "image",
    "[文件]": "file",
    "[语音]": "audio",
    "[视频]": "video",
    "[表情]": "sticker",
    "[提示]": "notice",
    "[红包]": "payment",
    "[应用消息]": "share",
    "[通话]": "call",
    "[动态消息]": "share",
}
_QUOTED = "[被引用的消息]"
_SENT, _RECEIVED, _FORWARDED = "发", "收", "转发"
_SIDES = {_SENT: True, _FORWARDED: True, _RECEIVED: False}


class DatabaseMessage(Struct, gc=False):
    """A message; `time` is a clock in the zone of the computer."""

    time: str = ""
    direction: str | None = ""
    sender: str | int | None = ""
    sender_qq: str | int | None = ""
    contents: list[Any] = field(default_factory=list)


def is_database_export(head: FileHead) -> bool:
    """Return whether a file is JSON of QQNT_Export."""
    return head.has("[].time", "[].contents") and (head.has("[].sender_qq") or head.has("[].direction"))


def read_database_export(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of a file."""
    document, ids = JsonReader(source), MessageIds()
    chat = clean_text(source.name.removesuffix(".json"))
    for message in document.elements(DatabaseMessage):
        yield from _convert(message, chat, source, ids, log)
    log.skip("unreadable", document.unreadable)


def _convert(
    message: DatabaseMessage, chat: str, source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    try:
        time = unix_seconds(datetime.fromisoformat(message.time).replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        log.skip("without a date")
        return
    is_group, side = not message.direction, _SIDES.get(message.direction or "")
    if not is_group and side is None:
        log.skip("without an author")
        return
    record, name, words = _content(message.contents)
    kind = kept_kind(record, name, log)
    if kind is None:
        return
    author, author_name = _author(message, chat, side)
    yield ExportedMessage(
        platform="qq",
        chat=chat,
        id=ids.derive(chat, time, author, words or name),
        author="" if kind == "notice" else author,
        author_name="" if kind == "notice" else author_name,
        time=time,
        source=source.label,
        text="" if kind == "notice" else words,
        is_self=None if is_group or kind == "notice" else side,
        chat_kind="group" if is_group else "direct",
        chat_name=chat,
        local=True,
        forwarded=message.direction == _FORWARDED,
        kind=kind,
    )


def _author(message: DatabaseMessage, chat: str, side: bool | None) -> tuple[str, str]:
    """Return the id and the name of an author: of a chat of two, "me" and the name of the file."""
    if message.direction:
        author = "me" if side else chat
        return author, author
    number = str(message.sender_qq or "")
    name = clean_text(str(message.sender or "")).strip()
    return (number if is_id(number) else name), name or number


def _content(contents: list[Any]) -> tuple[RecordKind | None, str, str]:
    """Return what a message is, the tag that says so, and its words; a quoted message is left out."""
    words, kind, name = list[str](), None, ""
    for part in contents:
        tag, text = _part(part)
        if not tag or tag.startswith(_QUOTED):
            continue
        found = TAGS.get(tag)
        if found == "words":
            words.append(text)
        elif not name:
            kind, name = found, tag
    said = clean_text("".join(words)).strip()
    if said and kind not in ("image", "video", "audio", "file"):
        return "words", name, said
    return kind, name or "no known part", said


def _part(part: object) -> tuple[str, str]:
    """Return the tag of a part and its text; a share is one text that begins with its tag."""
    if isinstance(part, str):
        return part[: part.find("]") + 1], ""
    if isinstance(part, list) and part and isinstance(part[0], str):
        return part[0], part[1] if len(part) > 1 and isinstance(part[1], str) else ""
    return "", ""
