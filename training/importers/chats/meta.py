"""Instagram and Messenger: ten thousand messages a file, newest first, in UTF-8 taken for Latin-1."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.normalise import clean, drawn_id, numbered, seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

TITLE = "Instagram and Messenger"
ADVICE = "In Meta's Download your information choose JSON as the format"
_WHOLE = 64 << 20  # bytes of a file that is turned round in memory
_REACTION = re.compile(r"Reacted .{1,20} to your message\s*|Liked a message\s*")
_MEDIA: tuple[tuple[str, Kind], ...] = (
    ("photos", "image"),
    ("videos", "video"),
    ("audio_files", "audio"),
    ("gifs", "video"),
    ("sticker", "sticker"),
    ("files", "file"),
    ("share", "other"),
)


class Message(Struct, gc=False):
    """A message; old files of Messenger have `timestamp` in seconds."""

    sender_name: str = ""
    timestamp_ms: int | None = None
    timestamp: int | None = None
    content: str | None = None
    type: str = "Generic"
    is_unsent: bool = False
    photos: Any = None
    videos: Any = None
    audio_files: Any = None
    gifs: Any = None
    files: Any = None
    sticker: Any = None
    share: Any = None
    call_duration: Any = None


def recognises(head: FileHead) -> bool:
    return head.has("participants[].name", "messages[].sender_name") or (
        head.has("participants[].name", "messages") and ("thread_path" in head.text or head.has("title"))
    )


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat, name, people = _look(source)
        platform = "instagram" if "instagram" in str(source).lower() else "messenger"
        kind = "group" if people > 2 else "direct"
        seen: dict[str, int] = {}
        for message in _oldest_first(source, tally):
            yield from _said(message, (platform, chat, name, kind), source, seen, tally)


def repaired(text: str) -> str:
    """Text whose bytes were written as if each were a character, made right; other text as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _look(source: Source) -> tuple[str, str, int]:
    """The way and the title of the thread, which stand behind its messages, and how many talk there."""
    told: dict[str, Any] = {}
    document = Json(source, again=True)
    for key in document.members():
        if key in ("thread_path", "title", "participants"):
            told[key] = document.value(object)
    people = told.get("participants")
    title = clean(repaired(str(told.get("title") or "")))
    chat = str(told.get("thread_path") or source.path.rpartition("/")[0] or title)
    return clean(repaired(chat)), title, len(people) if isinstance(people, list) else 0


def _oldest_first(source: Source, tally: ImportLog) -> Iterator[Message]:
    document = Json(source)
    for key in document.members():
        if key == "messages":
            if source.size <= _WHOLE:
                yield from reversed(list(document.elements(Message)))
            else:
                yield from document.elements(Message)
    tally.skip("unreadable", document.unreadable)


def _said(
    message: Message, chat: tuple[str, str, str, str], source: Source, seen: dict[str, int], tally: ImportLog
) -> Iterator[ExportedMessage]:
    if message.is_unsent:
        tally.skip("deleted by their author")
        return
    told = message.timestamp_ms
    try:
        moment = seconds(message.timestamp or "") if told is None else seconds(told / 1000)
    except ValueError:
        tally.skip("without a date")
        return
    author, text = clean(repaired(message.sender_name)), clean(repaired(message.content or ""))
    kind: Kind = next((kind for name, kind in _MEDIA if getattr(message, name)), "text")
    notice = message.type not in ("Generic", "Share") or message.call_duration is not None
    if _REACTION.fullmatch(text):
        tally.skip("reactions")
        return
    if kind != "text" and re.fullmatch(r".{1,80} sent an? [\w ]+\.", text):
        text = ""
    drawn = drawn_id(told or message.timestamp, author, text)
    yield ExportedMessage(
        platform=chat[0],
        chat=chat[1],
        id=drawn_id(drawn, numbered(drawn, seen)),
        author=author,
        author_name=author,
        time=moment,
        source=source.label,
        text="" if notice else text,
        chat_kind="group" if chat[3] == "group" else "direct",
        chat_name=chat[2],
        precision="second" if told is None else "millisecond",
        kind="notice" if notice else kind,
        media=() if notice else _files(message),
    )


def _files(message: Message) -> tuple[str, ...]:
    found: list[str] = []
    for name, _ in _MEDIA:
        listed = getattr(message, name)
        for item in listed if isinstance(listed, list) else [listed]:
            if isinstance(item, dict) and isinstance(uri := item.get("uri"), str):
                found.append(uri)
    return tuple(found)
