"""Messages of Instagram and Messenger: files of at most 10,000, newest first, in a download of Meta.

Meta writes the bytes of UTF-8 as if each were a Latin-1 character; `repair_latin1` undoes that. Old Messenger
files have `timestamp` in seconds, all others `timestamp_ms`. Exports since 2023 have no `type`: only its text
tells a notice from words (adurivault/FBMessage, issue 5).
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, repair_latin1, unix_seconds
from training.importers.reading.phrases import Phrase, open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

ADVICE = "In Meta's Download your information choose JSON as the format"
_REVERSED_LIMIT = 64 << 20  # bytes of a file that is reversed in memory
_TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("Generic", "Share"), "words"),
    "Call": "call",
    **dict.fromkeys(("Subscribe", "Unsubscribe"), "notice"),
    "Plan": "event",
    "Payment": "payment",
}
_SENT = re.compile(r".{1,80} sent an? [\w ]+\.")
_MEDIA: tuple[tuple[str, Kind], ...] = (
    ("photos", "image"),
    ("videos", "video"),
    ("audio_files", "audio"),
    ("gifs", "video"),
    ("sticker", "sticker"),
    ("files", "file"),
    ("share", "other"),
)


class MetaMessage(Struct, gc=False):
    """A message; `timestamp` is in seconds, and stands in old files only."""

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


def platform_of(source: Source) -> str:
    """Return the platform of a thread: nothing in the file tells it, but its path does."""
    return "instagram" if "instagram" in str(source).lower() else "messenger"


def read_thread(source: Source, owner: frozenset[str], log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of a file; `owner` are the names under which its owner may write."""
    chat, name, people = _thread(source)
    kind = "group" if len(people) > 2 else "direct"
    me = frozenset(each for each in owner if people.count(each) < 2)
    is_here = not me.isdisjoint(people)
    ids = MessageIds()
    for message in _oldest_first(source, log):
        for found in _convert(message, (platform_of(source), chat, name, kind), source, ids, log):
            is_self = True if found.author in me else False if is_here else None
            yield found if is_self is None or found.kind == "notice" else replace(found, is_self=is_self)


def _thread(source: Source) -> tuple[str, str, list[str]]:
    """The path, the title and the people's names of a thread; the file holds them behind the messages."""
    fields: dict[str, Any] = {}
    document = JsonReader(source, again=True)
    for key in document.members():
        if key in ("thread_path", "title", "participants"):
            fields[key] = document.value(object)
    people = fields.get("participants")
    title = clean_text(repair_latin1(str(fields.get("title") or "")))
    chat = str(fields.get("thread_path") or source.path.rpartition("/")[0] or title)
    named = [each.get("name") if isinstance(each, dict) else "" for each in _as_list(people)]
    return clean_text(repair_latin1(chat)), title, [clean_text(repair_latin1(str(name))) for name in named]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _oldest_first(source: Source, log: ImportLog) -> Iterator[MetaMessage]:
    document = JsonReader(source)
    for key in document.members():
        if key == "messages":
            if source.size <= _REVERSED_LIMIT:
                yield from reversed(list(document.elements(MetaMessage)))
            else:
                yield from document.elements(MetaMessage)
    log.skip("unreadable", document.unreadable)


def _convert(
    message: MetaMessage,
    chat: tuple[str, str, str, str],
    source: Source,
    ids: MessageIds,
    log: ImportLog,
) -> Iterator[ExportedMessage]:
    if message.is_unsent:
        log.skip("deleted by their author")
        return
    milliseconds = message.timestamp_ms
    time = _seconds(message)
    if time is None:
        log.skip("without a date")
        return
    author = clean_text(repair_latin1(message.sender_name))
    text = clean_text(repair_latin1(message.content or ""))
    media = next((kind for name, kind in _MEDIA if getattr(message, name)), None)
    phrase = open_phrase_book("meta").find(text, author)
    words = "" if phrase or (media and _SENT.fullmatch(text)) else text
    kind = kept_kind(_record_kind(message, author, phrase), message.type, log)
    if kind is None:
        return
    kind = media or kind if kind != "notice" else kind
    yield ExportedMessage(
        platform=chat[0],
        chat=chat[1],
        id=ids.derive(chat[1], milliseconds or message.timestamp, author, words if media else text),
        author=author,
        author_name=author,
        time=time,
        source=source.label,
        text=words if kind == "text" or (media and kind != "notice") else "",
        chat_kind="group" if chat[3] == "group" else "direct",
        chat_name=chat[2],
        precision="second" if milliseconds is None else "millisecond",
        kind=kind,
        media=() if kind == "notice" else _files(message),
    )


def _seconds(message: MetaMessage) -> float | None:
    """Return the time in Unix seconds; None for a message without one."""
    milliseconds = message.timestamp_ms
    try:
        return unix_seconds(message.timestamp or "" if milliseconds is None else milliseconds / 1000)
    except ValueError:
        return None


def _record_kind(message: MetaMessage, author: str, phrase: Phrase | None) -> RecordKind | None:
    """Return what a record is; None for a type that is not known."""
    if phrase:
        return record_kind(phrase)
    if author in phrases_of("meta", "bot name"):
        return "bot"
    kind = _TYPES.get(message.type)
    return "call" if kind == "words" and message.call_duration is not None else kind


def _files(message: MetaMessage) -> tuple[str, ...]:
    found: list[str] = []
    for name, _ in _MEDIA:
        value = getattr(message, name)
        for file in value if isinstance(value, list) else [value]:
            if isinstance(file, dict) and isinstance(uri := file.get("uri"), str):
                found.append(uri)
    return tuple(found)
