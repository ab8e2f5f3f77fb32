"""Snapchat's "My Data": chat_history.json, by conversation, or until 2023 by what was received and sent.

Sources: raleighlittles/Snapchat-Chats-And-Location-Analyzer (old) and public parsers (new); no full export
was seen. Only chats that somebody saved have words. "Created(microseconds)" is in milliseconds. What was
sent names in `To` (old) or in `From` (between both) who got it. account.json has the owner's name.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field

from training.importers.reading.guides import Guide
from training.importers.reading.html_text import unescape
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader, read_document
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time, unix_seconds
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Snapchat"
GUIDE = Guide(
    steps="Settings > My Data > Submit a request; Include: Chat History, and switch “Export JSON Files” on.",
    reads="It reads saved chats, also of groups.",
    leaves_out="Left out are snaps, and chats that nobody saved, of which only the time is there.",
    marks=(
        "Media Type",
        "Created",
        "Content",
        "Conversation Title",
        "IsSender",
        "Received Saved Chat History",
    ),
)
_OLD = {
    f"{way} {kept} Chat History": way == "Sent"
    for way in ("Received", "Sent")
    for kept in ("Saved", "Unsaved")
}
_TYPES: dict[str, RecordKind] = {
    "TEXT": "words",
    **dict.fromkeys(("MEDIA", "IMAGE", "PHOTO", "SNAP"), "image"),
    **dict.fromkeys(("VIDEO", "VIDEO_NO_AUDIO"), "video"),
    **dict.fromkeys(("NOTE", "AUDIO", "AUDIO_NOTE"), "audio"),
    "STICKER": "sticker",
    **dict.fromkeys(("SHARE", "SHARESAVEDSTORY"), "share"),
    "LOCATION": "location",
    "MAPREACTION": "reaction",
    "NONPARTICIPANTBOTRESPONSE": "bot",
    "STATUS": "notice",
    **dict.fromkeys(("STATUSERASEDMESSAGE", "STATUSERASEDSNAPMESSAGE"), "deleted"),
}
_BEGINNINGS: tuple[tuple[str, RecordKind], ...] = (("STATUSCALL", "call"), ("STATUS", "notice"))
_SELF = "self"
_MICROSECONDS = 1e14  # a larger number is in microseconds: in milliseconds it would be the year 5138


class SnapchatMessage(Struct, gc=False):
    """A message of any shape; `Text` and `To` are of the old one."""

    sender: str | None = field(name="From", default="")
    receiver: str | None = field(name="To", default="")
    type: str | None = field(name="Media Type", default="")
    created: str | None = field(name="Created", default="")
    number: float | None = field(name="Created(microseconds)", default=None)
    content: str | None = field(name="Content", default="")
    text: str | None = field(name="Text", default="")
    title: str | None = field(name="Conversation Title", default="")
    is_sender: bool | None = field(name="IsSender", default=None)
    files: str | None = field(name="Media IDs", default="")


def recognises(head: FileHead) -> bool:
    """Return True for chats and the account; snap_history.json has the keys of chats, but no words."""
    return _is_account(head) or any(
        key.endswith("[].Media Type")
        and head.has(key.removesuffix("Media Type") + "Created")
        and any(head.has(key.removesuffix("Media Type") + words) for words in ("Content", "Text"))
        for key in head.keys
    )


def _is_account(head: FileHead) -> bool:
    return head.has("Basic Information.Username", "Basic Information.Creation Date")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    heads = [sniff_head(source) for source in sources]
    me = next(filter(None, (_user_name(head.source) for head in heads if _is_account(head))), _SELF)
    for source in (head.source for head in heads if not _is_account(head)):
        document = JsonReader(source)
        for key in document.members():
            if document.first() == b"[":
                yield from _conversation(document, clean_text(key), me, source, log)
        log.skip("unreadable", document.unreadable)


def _user_name(source: Source) -> str:
    root: Any = read_document(source)
    account = root.get("Basic Information") if isinstance(root, dict) else None
    name = account.get("Username") if isinstance(account, dict) else None
    return clean_text(name).strip() if isinstance(name, str) else ""


def _conversation(
    document: JsonReader, key: str, me: str, source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    was_sent = _OLD.get(key)
    ids = MessageIds()
    for message in document.elements(SnapchatMessage):
        title = clean_text(message.title or "")
        sender = clean_text(message.sender or "")
        if was_sent is None:
            chat, is_self, author = key, bool(message.is_sender), sender or me
        else:
            chat, is_self = title or clean_text(message.receiver or "") or sender, was_sent
            author = me if was_sent else sender
        yield from _convert(message, (chat, title, author), is_self, ids, source, log)


def _convert(
    message: SnapchatMessage,
    place: tuple[str, str, str],
    is_self: bool,
    ids: MessageIds,
    source: Source,
    log: ImportLog,
) -> Iterator[ExportedMessage]:
    chat, title, author = place
    name = message.type or ""
    kind = kept_kind(_record_kind(name), name, log)
    if kind is None:
        return
    time = _seconds(message)
    if time is None:
        log.skip("without a date")
        return
    words = unescape(clean_text(message.content or message.text or "")).strip()
    yield ExportedMessage(
        platform="snapchat",
        chat=chat,
        id=ids.derive(chat, int(time), _SELF if is_self else author, name, words),
        author=author,
        author_name=author,
        time=time,
        source=source.label,
        text=words if kind == "text" else "",
        is_self=None if kind == "notice" else is_self,
        chat_kind="group" if title or _is_uuid(chat) else "direct",
        chat_name=title or chat,
        precision="millisecond" if message.number else "second",
        kind=kind,
        media=tuple(filter(None, map(str.strip, clean_text(message.files or "").split("|")))),
    )


def _is_uuid(chat: str) -> bool:
    """Return whether a chat is called by an id, as groups are, and not by a person's user name."""
    return len(chat) == 36 and chat.count("-") == 4


def _record_kind(name: str) -> RecordKind | None:
    upper = name.upper()
    return _TYPES.get(upper) or next((kind for start, kind in _BEGINNINGS if upper.startswith(start)), None)


def _seconds(message: SnapchatMessage) -> float | None:
    """Return the time in Unix seconds; None for a message without one."""
    try:
        if message.number:
            return unix_seconds(message.number / (1e6 if message.number > _MICROSECONDS else 1e3))
        return parse_iso_time(message.created or "")
    except ValueError:
        return None
