"""sigtop's JSON: the messages of a chat as Signal Desktop keeps them, in an array."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from training.importers.chats.sigtop.records import NAMED_OWN, SigtopMessage
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.normalise import unix_seconds
from training.importers.reading.record_kinds import RecordKind
from training.importers.reading.source import Source

_NO_WORDS = "whose words are not in the file: sigtop's text format has them"
_MOST_FILES = 100


class SigtopRow(Struct, gc=False):
    """A message; `body` is missing in files of a newer Signal Desktop, which keeps the words elsewhere."""

    type: Any = None
    body: Any = None
    sent_at: Any = None
    timestamp: Any = None
    conversationId: Any = None
    source: Any = None
    sourceServiceId: Any = None
    sourceUuid: Any = None
    attachments: Any = None
    bodyAttachment: Any = None
    quote: Any = None
    editHistory: Any = None
    deletedForEveryone: Any = None
    isViewOnce: Any = None
    sticker: Any = None
    contact: Any = None
    payment: Any = None
    giftBadge: Any = None
    poll: Any = None


def read_rows(source: Source, log: ImportLog) -> Iterator[tuple[str, SigtopMessage]]:
    """Yield each message with the id of its chat."""
    document = JsonReader(source)
    for row in document.elements(SigtopRow):
        try:
            sent = _milliseconds(row.sent_at) or _milliseconds(row.timestamp)
            time = unix_seconds(sent / 1000) if sent else None
        except ValueError:
            time = None
        if time is None:
            log.skip("without a date")
        elif _is_cut(row):
            log.skip(_NO_WORDS)
        else:
            yield _text(row.conversationId), _message(row, sent, time)
    log.skip("unreadable", document.unreadable)


def _message(row: SigtopRow, sent: int, time: float) -> SigtopMessage:
    quote = row.quote if isinstance(row.quote, dict) else {}
    sender = next(filter(None, map(_text, (row.sourceServiceId, row.sourceUuid, row.source))), "")
    return SigtopMessage(
        NAMED_OWN if row.type == "outgoing" else sender,
        _text(row.type),
        time,
        _text(row.body).strip(),
        "millisecond",
        id=str(sent),
        reply_to=str(_milliseconds(quote.get("id")) or "") or None,
        files=_files(row.attachments),
        is_edited=bool(row.editHistory),
        record=_record(row),
    )


def _record(row: SigtopRow) -> RecordKind | None:
    """Return the kind of a message that is more than words."""
    kinds: tuple[tuple[Any, RecordKind], ...] = (
        (row.deletedForEveryone, "deleted"),
        (row.isViewOnce, "view once"),
        (row.sticker, "sticker"),
        (row.contact, "contact"),
        (row.payment or row.giftBadge, "payment"),
        (row.poll, "poll"),
        (row.bodyAttachment, "file"),  # the words are only the beginning
    )
    return next((kind for value, kind in kinds if value), None)


def _is_cut(row: SigtopRow) -> bool:
    """Return whether a message that a person wrote has no words, and nothing else."""
    is_spoken = row.type in ("incoming", "outgoing")
    return is_spoken and row.body is None and not row.attachments and _record(row) is None


def _files(attachments: Any) -> tuple[str, ...]:
    """Return the names of files; one without a name has that of its kind."""
    found: list[str] = []
    for each in attachments[:_MOST_FILES] if isinstance(attachments, list) else ():
        fields = each if isinstance(each, dict) else {}
        group = _text(fields.get("contentType")).partition("/")[0]
        extension = {"image": ".jpg", "video": ".mp4", "audio": ".m4a"}.get(group, "")
        found.append(_text(fields.get("fileName")) or f"{group or 'file'}{extension}")
    return tuple(found)


def _milliseconds(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 10**14 else 0


def _text(value: object) -> str:
    """Return a text; "" for anything else."""
    return value if isinstance(value, str) else ""
