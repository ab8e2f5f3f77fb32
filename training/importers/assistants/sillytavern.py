"""SillyTavern's chats: a file of JSON Lines for each, below data/<user>/chats or group chats.

Keys as in SillyTavern/SillyTavern (src/endpoints/chats.js, public/scripts/utils.js and system-messages.js,
read in several versions): a header, which group chats before 1.15 lack, then messages. `mes` is the swipe
that was chosen. Neither side is marked as "me": a persona may be the user or the character. Chub and other
programs write the same lines, and some of them hold an object in place of a text. Dates are a number, an ISO
8601 time (since 2025-11), or one of two forms of the clock of that computer.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct

from training.importers.reading.assistant_turns import (
    read_names,
    read_object,
    read_objects,
    read_text,
    read_time,
)
from training.importers.reading.decoding import read_json_lines
from training.importers.reading.english_dates import parse_english_date
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, unix_seconds
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Precision

TITLE = "SillyTavern"
GUIDE = Guide(
    steps="The folders chats and group chats in data/<user>, or Manage chat files > Export as JSONL.",
    reads="It reads both sides: --me names the user or the character; of several swipes the chosen one.",
    leaves_out="Left out are swipes that were not chosen, notes, the narrator, thoughts.",
    marks=("user_name", "character_name", "is_user", "send_date", "mes"),
)
# SillyTavern's own lines by name and by `extra.type`; any other type but the last is one of its notices
_PROGRAM = frozenset(("SillyTavern System", "System"))
_OF_A_CHARACTER = frozenset(("", "assistant_message"))
_HUMAN = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s(?: ?(\d{1,3})ms)?")
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:?\d\d)", re.IGNORECASE)
_EXTENSION = ".jsonl"


class SillyTavernLine(Struct, gc=False):
    """A message, or the header, which has no `mes`."""

    name: Any = None
    is_user: Any = False
    is_system: Any = False
    send_date: Any = None
    mes: Any = None
    swipes: Any = None
    swipe_id: Any = None
    extra: Any = None


class SentDate(NamedTuple):
    """The time of a message in Unix seconds; `is_local` for the clock of an unknown zone."""

    time: float
    precision: Precision
    is_local: bool = False


_NO_DATE = SentDate(0.0, "none")


def recognises(head: FileHead) -> bool:
    return head.has("user_name", "character_name") or head.has("name", "is_user", "mes")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        keys = sniff_head(source).keys
        kind: ChatKind = "group" if "original_avatar" in keys or "is_group" in keys else "direct"
        chat = clean_text(source.name).removesuffix(_EXTENSION) or source.name
        ids, date = MessageIds(), _NO_DATE
        for line in read_json_lines(source, SillyTavernLine):
            if line.mes is None and line.swipes is None:
                continue
            date = read_date(line.send_date) or date
            yield from _convert(line, date, chat, kind, source, ids, log)


def _convert(
    line: SillyTavernLine,
    date: SentDate,
    chat: str,
    chat_kind: ChatKind,
    source: Source,
    ids: MessageIds,
    log: ImportLog,
) -> Iterator[ExportedMessage]:
    author = read_text(line.name) or ("user" if line.is_user else "character")
    text = chosen_swipe(line.mes, line.swipes, line.swipe_id)
    extra = read_object(line.extra)
    media = _file_names(extra)
    record = _record(line, author, extra)
    if record == "words" and (media or extra.get("media") or extra.get("image")):
        record = file_kind(media[0]) if media else "image"
    if (kind := kept_kind(record, "", log)) is None:
        return
    yield ExportedMessage(
        platform="sillytavern",
        chat=chat,
        id=ids.derive(chat, date.time, author, text),
        author=author,
        author_name=author,
        time=date.time,
        source=source.label,
        text="" if kind == "notice" else text,
        chat_kind=chat_kind,
        chat_name=chat,
        precision=date.precision,
        local=date.is_local,
        kind=kind,
        media=() if kind == "notice" else media,
    )


def _record(line: SillyTavernLine, author: str, extra: dict[str, Any]) -> RecordKind:
    """Return the kind of a line. One that /hide hid from the model is `is_system` too, and was said."""
    if read_text(extra.get("type")) not in _OF_A_CHARACTER or extra.get("tool_invocations"):
        return "notice"
    return "notice" if line.is_system and not line.is_user and author in _PROGRAM else "words"


def _file_names(extra: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of pictures and files; versions before 2025 keep one picture and one file."""
    pictures = [{"url": extra.get("image")}, *read_objects(extra.get("media"))]
    paths = read_names(pictures, "url")
    files = [read_object(extra.get("file")), *read_objects(extra.get("files"))]
    names = (path.rpartition("/")[2] for path in paths if not path.startswith("data:"))
    return (*filter(None, names), *read_names(files, "name"))


def chosen_swipe(mes: Any, swipes: Any, chosen: Any) -> str:
    """Return the words of a message: `mes`, or where that is empty, the swipe with the chosen number."""
    text = _words(mes)
    if not text and isinstance(swipes, list) and type(chosen) is int and 0 <= chosen < len(swipes):
        text = _words(swipes[chosen])
    return text


def _words(field: Any) -> str:
    return read_text(field.get("message") if isinstance(field, dict) else field).strip()


def read_date(field: Any) -> SentDate | None:
    """Return the time of a message; None for anything that is no date."""
    if isinstance(field, str) and field.strip().isdecimal():
        field = int(field) if len(field) < 20 else 0
    if not isinstance(field, str):
        time = read_time(field)
        return SentDate(time, "millisecond") if time else None
    if (minute := parse_english_date(field)) is not None:
        return SentDate(minute, "minute", True)
    try:
        if found := _HUMAN.fullmatch(field.strip()):
            *clock, fraction = found.groups()
            time = _local(*map(int, clock)) + int(fraction or 0) / 1000
            return SentDate(time, "millisecond" if fraction else "second", True)
    except (ValueError, OverflowError):
        return None
    time = read_time(field)
    return SentDate(time, "millisecond", not _ZONED.fullmatch(field.strip())) if time else None


def _local(*clock: int) -> float:
    year, month, day, hour, minute, second = clock
    return unix_seconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
