"""Messenger's download of end-to-end encrypted chats: a flat folder with a JSON file for each chat.

Messenger offers it under Privacy & safety, End-to-end encrypted chats, Message storage. Keys as in kenn-
io/msgvault (fbmessenger/e2ee_parser.go) and abrignoni/RLEAPP (facebookE2EMessages.py); no full export was
seen. It has no ids, replies or edits. A chat that the classic export holds too has the same messages there.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, repair_latin1, unix_seconds
from training.importers.reading.phrases import open_phrase_book, phrases_of, record_kind
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Messenger end-to-end download"
GUIDE = Guide(
    steps=(
        "On messenger.com: Privacy & safety > End-to-end encrypted chats > Message storage > Download. "
        "Unpack the download, or import the zip as it is."
    ),
    reads="It reads the messages of end-to-end encrypted chats.",
    leaves_out=(
        "Unsent messages, reactions and placeholders are left out; the download has no ids, replies or edits."
    ),
    marks=("participants", "threadName", "messages", "senderName", "timestamp"),
)
_TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("text", "media", "link", "Generic", ""), "words"),
    "placeholder": "deleted",
}


class E2eeMedia(Struct, gc=False):
    """A file; in place of a path, `uri` may be a sentence."""

    uri: str = ""


class E2eeMessage(Struct, gc=False):
    """A message; `timestamp` is in milliseconds."""

    senderName: str = ""
    text: str | None = ""
    timestamp: float = -1
    type: str = ""
    isUnsent: bool = False
    media: list[E2eeMedia] = field(default_factory=list)


def recognises(head: FileHead) -> bool:
    return head.has("messages[].senderName", "messages[].timestamp") or head.has(
        "participants", "threadName", "messages"
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        name, is_group = _thread(source)
        document, ids = JsonReader(source), MessageIds()
        for key in document.members():
            if key == "messages":
                for message in document.elements(E2eeMessage):
                    yield from _convert(message, name, is_group, source, ids, log)
        log.skip("unreadable", document.unreadable)


def _thread(source: Source) -> tuple[str, bool]:
    """Return the thread's name, and whether it has more than two participants."""
    fields: dict[str, Any] = {}
    document = JsonReader(source, again=True)
    for key in document.members():
        if key in ("threadName", "participants"):
            fields[key] = document.value(object)
    people = fields.get("participants")
    name = clean_text(repair_latin1(str(fields.get("threadName") or source.name)))
    return name, isinstance(people, list) and len(people) > 2


def _convert(
    message: E2eeMessage, chat: str, is_group: bool, source: Source, ids: MessageIds, log: ImportLog
) -> Iterator[ExportedMessage]:
    author, text = (
        clean_text(repair_latin1(message.senderName)),
        clean_text(repair_latin1(message.text or "")),
    )
    phrase = open_phrase_book("meta").find(text, author)
    record = record_kind(phrase) if phrase else _TYPES.get(message.type)
    if message.isUnsent:
        record = "deleted"
    elif author in phrases_of("meta", "bot name"):
        record = "bot"
    if (kind := kept_kind(record, message.type, log)) is None:
        return
    try:
        time = unix_seconds(message.timestamp / 1000)
    except ValueError:
        log.skip("without a date")
        return
    files = tuple(file.uri for file in message.media if file.uri)
    yield ExportedMessage(
        platform="messenger",
        chat=chat,
        id=ids.derive(chat, int(message.timestamp), author, text),
        author=author,
        author_name=author,
        time=time,
        source=source.label,
        text=text if kind == "text" else "",
        chat_kind="group" if is_group else "direct",
        chat_name=chat.rpartition("_")[0] or chat,
        precision="millisecond",
        kind=file_kind(files[0]) if files and kind == "text" else kind,
        media=tuple(clean_text(file) for file in files if "/" in file or "." in file)
        if kind == "text"
        else (),
    )
