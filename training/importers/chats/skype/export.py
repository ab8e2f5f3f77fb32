"""The export of Skype, and of Teams for private persons (Teams Free): messages.json in a tar.

Keys as in siwen-r/skype-export-parser (src/types/SkypeExport.d.ts), suurjaak/Skyperious (live.py, seen at
commit 03524bf) and ericcgladstone-maker/org-signal (docs/formats/teams.md). No full export was seen: whether
Teams writes other fields than Skype did is not known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct
from msgspec import field as named

from training.importers.chats.skype.content import SkypeText, read_content, record_of
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import LONGEST_NAME, clean_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Skype and Teams Free"
GUIDE = Guide(
    steps="At teams.live.com/dataexport: Chat history > Submit request, then the tar.",
    reads="It reads messages, edits and answers.",
    leaves_out=(
        "Left out are quoted and deleted messages, calls, polls, notices of a group, and what bots wrote."
    ),
    marks=("userId", "exportDate", "conversations", "MessageList"),
)
_PERSON, _BOT, _OWN_LISTS = "8:", "28:", "48:"
_OF_TWO = ("@p2p.thread.skype", "@unq.gbl.spaces")


class SkypeMessage(Struct, gc=False):
    """A message; `version` and `id` are its time in milliseconds."""

    id: str | int = ""
    displayName: str | None = None
    originalarrivaltime: str = ""
    messagetype: str = ""
    content: str | None = None
    sender: str = named(name="from", default="")
    properties: Any = None


@dataclass(slots=True)
class SkypeChat:
    """A conversation; `is_group` is for one with more than two members."""

    source: Source
    id: str = ""
    name: str = ""
    is_group: bool = False
    me: str = ""
    ids: MessageIds = field(default_factory=MessageIds)

    def take(self, key: str, value: Any) -> None:
        """Take a field of the conversation."""
        if key == "id":
            self.id = clean_text(str(value or ""))
            self.is_group = self.id.startswith("19:") and not self.id.endswith(_OF_TWO)
        elif key == "displayName":
            self.name = clean_text(str(value or ""))[:LONGEST_NAME]
        elif isinstance(value, dict) and not self.name:
            self.name = clean_text(str(value.get("topic") or ""))[:LONGEST_NAME]


def recognises(head: FileHead) -> bool:
    return head.has("userId", "conversations") and (
        head.has("exportDate") or head.has("conversations[].MessageList")
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chats = _survey(source)
        document = JsonReader(source)
        for key in document.members():
            if key == "conversations":
                for at in document.items():
                    yield from _conversation(document, chats[at], log)
        log.skip("unreadable", document.unreadable)


def _survey(source: Source) -> list[SkypeChat]:
    """Read the file once for its owner and its conversations."""
    document, chats, me = JsonReader(source, again=True), list[SkypeChat](), ""
    for key in document.members():
        if key == "userId":
            me = clean_text(str(document.value(object) or ""))
        elif key == "conversations":
            for _ in document.items():
                chats.append(chat := SkypeChat(source))
                for name in document.members():
                    if name in ("id", "displayName", "threadProperties"):
                        chat.take(name, document.value(object))
    for chat in chats:
        chat.me = me
    return chats


def _conversation(document: JsonReader, chat: SkypeChat, log: ImportLog) -> Iterator[ExportedMessage]:
    for key in document.members():
        if key == "MessageList" and document.first() == b"[":
            for message in document.elements(SkypeMessage):
                if chat.id.startswith(_OWN_LISTS):
                    log.skip("in lists of calls and notes")
                else:
                    yield from _convert(message, chat, log)


def _convert(message: SkypeMessage, chat: SkypeChat, log: ImportLog) -> Iterator[ExportedMessage]:
    properties = message.properties if isinstance(message.properties, dict) else {}
    text = read_content(message.content or "", message.messagetype)
    record = _record(message, properties, text)
    if (kind := kept_kind(record, message.messagetype or "a message without a type", log)) is None:
        return
    try:
        time = parse_iso_time(message.originalarrivaltime)
    except ValueError:
        log.skip("without a date")
        return
    author = "" if kind == "notice" else clean_text(message.sender)
    words = text.words if kind == "text" else ""
    chat_kind: ChatKind = "group" if chat.is_group else "direct"
    yield ExportedMessage(
        platform="skype",
        chat=chat.id,
        id=chat.ids.choose(str(message.id), chat.id, time, author, words),
        author=author,
        author_name=clean_text(message.displayName or "") or author.removeprefix(_PERSON),
        time=time,
        source=chat.source.label,
        text=words,
        is_self=author == chat.me if chat.me and author else None,
        chat_kind=chat_kind,
        chat_name=chat.name,
        reply_to=text.answered,
        precision="millisecond",
        edited=text.is_edited or bool(properties.get("edittime")),
        kind=kind,
    )


def _record(message: SkypeMessage, properties: dict[str, Any], text: SkypeText) -> RecordKind | None:
    record = record_of(message.messagetype)
    if properties.get("deletetime"):
        return "deleted"
    if message.sender.startswith(_BOT):
        return "bot"
    if record != "words" or text.words:
        return record
    return "image" if text.has_picture else "share" if text.has_quote else "deleted"
