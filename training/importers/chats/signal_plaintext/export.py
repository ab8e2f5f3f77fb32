"""Signal's own export of 2026 ("Export chats"): main.jsonl, a frame of the backup on each line.

Frames as in signalapp/libsignal (rust/message-backup/src/proto/backup.proto and json/exporter.rs): 64-bit
numbers are texts, bytes are base64, and values that are empty are left out; disappearing messages are not in
it. No full export was seen. A message's id is its author with the time at which it was sent first.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.chats.signal_plaintext.people import (
    NOBODY,
    OWN,
    SignalPerson,
    account_id,
    fields_of,
    full_name,
    number_of,
    read_person,
)
from training.importers.reading.decoding import read_json_lines
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_fields import text_of
from training.importers.reading.normalise import (
    LONGEST_NAME,
    LONGEST_TEXT,
    clean_text,
    unix_seconds,
)
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind

TITLE = "Signal (its own export)"
GUIDE = Guide(
    steps="In Signal: Settings > Chats > Export chats, then take main.jsonl.",
    reads="It reads texts in their last version, replies, mentions by name, names of files.",
    leaves_out=(
        "Left out are reactions, deleted messages, stickers' and polls' words, calls, texts that lie in "
        "files."
    ),
    marks=("backupTimeMs", "chatItem", "recipient", "account"),
)
_ITEMS: dict[str, RecordKind] = {
    "standardMessage": "words",
    "contactMessage": "contact",
    "stickerMessage": "sticker",
    "remoteDeletedMessage": "deleted",
    "adminDeletedMessage": "deleted",
    "updateMessage": "notice",
    "paymentNotification": "payment",
    "giftBadge": "payment",
    "viewOnceMessage": "view once",
    "directStoryReplyMessage": "words",
    "poll": "poll",
}
_FIELDS = frozenset(
    "chatId authorId dateSent expireStartDate expiresInMs revisions sms incoming outgoing directionless "
    "pinDetails".split()
)
_CALLS = ("individualCall", "groupCall")
_MENTION = "\ufffc"
_MIME_KINDS = {"image": "image", "video": "video", "audio": "audio"}
_MOST_FILES = 100


class SignalFrame(Struct, gc=False):
    """A line: one of these, or a frame that has no messages."""

    account: dict[str, Any] | None = None
    recipient: dict[str, Any] | None = None
    chat: dict[str, Any] | None = None
    chatItem: dict[str, Any] | None = None


def recognises(head: FileHead) -> bool:
    return head.has("version", "backupTimeMs") or head.has("chatItem.chatId", "chatItem.dateSent")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        export = SignalExport(source)
        for frame in read_json_lines(source, SignalFrame):
            if frame.chatItem is not None:
                yield from export.convert(frame.chatItem, log)
            else:
                export.add(frame)


class SignalExport:
    """The people and chats of a file, which stand before the messages that name them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._people, self._chats = dict[str, SignalPerson](), dict[str, SignalPerson]()
        self._names: dict[str, str] = {}  # by account id
        self._own_name = "Me"

    def add(self, frame: SignalFrame) -> None:
        """Note the person or the chat of a frame."""
        if frame.account is not None:
            self._own_name = full_name(frame.account, "givenName", "familyName") or "Me"
        elif frame.recipient is not None:
            person = read_person(frame.recipient, self._own_name)
            self._people[number_of(frame.recipient.get("id"))] = person
            self._names[person.id] = person.name
        elif frame.chat is not None:
            person = self._people.get(number_of(frame.chat.get("recipientId")), NOBODY)
            self._chats[number_of(frame.chat.get("id"))] = person

    def convert(self, item: dict[str, Any], log: ImportLog) -> Iterator[ExportedMessage]:
        """Yield the message of a chatItem, if it has one that is kept."""
        author = self._people.get(number_of(item.get("authorId")), NOBODY)
        chat = self._chats.get(number_of(item.get("chatId")), NOBODY)
        if not chat.id:
            log.skip("in a chat that the export does not name")
            return
        record, name = _record(item)
        kind = kept_kind("bot" if author.is_signal else record, name, log)
        if kind is None:
            return
        if kind == "text" and not author.id:
            log.skip("without an author")
            return
        try:
            sent = _sent(item)
            time = unix_seconds(sent / 1000)
        except ValueError:
            log.skip("without a date")
            return
        yield self._message(item, kind, chat, author, sent, time)

    def _message(
        self,
        item: dict[str, Any],
        kind: Kind,
        chat: SignalPerson,
        author: SignalPerson,
        sent: int,
        time: float,
    ) -> ExportedMessage:
        message = fields_of(item, "standardMessage")
        is_words = kind == "text"
        files = _files(message) if is_words else ()
        return ExportedMessage(
            platform="signal",
            chat=chat.id,
            id=f"{author.id}:{sent}",
            author=author.id,
            author_name=author.name,
            time=time,
            source=self._source.label,
            text=self._words(item) if is_words else "",
            is_self=author.id == OWN if is_words else None,
            chat_kind=chat.kind,
            chat_name=chat.name,
            reply_to=self._reply(fields_of(message, "quote")),
            precision="millisecond",
            edited=bool(item.get("revisions")),
            kind=file_kind(files[0]) if files else kind,
            media=files,
        )

    def _words(self, item: dict[str, Any]) -> str:
        """The words of a message, with the names of those who are mentioned."""
        story = fields_of(item, "directStoryReplyMessage", "textReply")
        content = fields_of(fields_of(item, "standardMessage") or story, "text")
        text, ranges = clean_text(text_of(content.get("body"))), content.get("bodyRanges")
        if _MENTION not in text or len(text) > LONGEST_TEXT or not isinstance(ranges, list):
            return text.replace(_MENTION, "").strip()
        mentions = [each for each in ranges if isinstance(each, dict) and "mentionAci" in each]
        names = [self._mention(each) for each in sorted(mentions, key=_start)]
        parts = text.split(_MENTION)
        names += [""] * (len(parts) - len(names))
        return "".join(part + name for part, name in zip(parts, names, strict=False)).strip()

    def _mention(self, part: dict[str, Any]) -> str:
        name = self._names.get(account_id(part.get("mentionAci")), "")
        return f"@{name[:LONGEST_NAME]}" if name else ""

    def _reply(self, quote: dict[str, Any]) -> str | None:
        author = self._people.get(number_of(quote.get("authorId")))
        sent = number_of(quote.get("targetSentTimestamp"))
        return f"{author.id}:{sent}" if author and sent else None


def _record(item: dict[str, Any]) -> tuple[RecordKind | None, str]:
    """Return the kind of an item, and the export's name for it."""
    name = next((each for each in item if each in _ITEMS), "")
    if not name:
        return None, next((each for each in item if each not in _FIELDS), "an item without content")
    content = fields_of(item, name)
    if name == "updateMessage" and any(each in content for each in _CALLS):
        return "call", name
    if name == "directStoryReplyMessage" and "textReply" not in content:
        return "reaction", name
    if "longText" in content or "longText" in fields_of(content, "textReply"):
        return "file", name  # the words here are only the beginning
    return _ITEMS[name], name


def _sent(item: dict[str, Any]) -> int:
    """Return when a message was sent first: its earlier versions stand in it, the oldest first.

    Raises ValueError for no number.
    """
    revisions = item.get("revisions")
    first = revisions[0] if isinstance(revisions, list) and revisions else item
    number = number_of(first.get("dateSent") if isinstance(first, dict) else None)
    return int(number)


def _files(message: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of a message's files; one without a name has that of its kind."""
    attachments = message.get("attachments")
    found: list[str] = []
    for each in attachments[:_MOST_FILES] if isinstance(attachments, list) else ():
        pointer = fields_of(each, "pointer") if isinstance(each, dict) else {}
        group, _, subtype = text_of(pointer.get("contentType")).partition("/")
        extension = {"image": "jpg", "video": "mp4", "audio": "m4a"}.get(group, subtype)
        found.append(clean_text(text_of(pointer.get("fileName")) or f"{group or 'file'}.{extension}"))
    return tuple(found)


def _start(part: dict[str, Any]) -> int:
    start = part.get("start")
    return start if isinstance(start, int) else 0
