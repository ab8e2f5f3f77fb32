"""Google Chat by Takeout: messages.json and group_info.json in a folder for each chat, and user_info.json.

Keys as in abrignoni/RLEAPP (googleChat.py) and wjcarpenter/gvoice-sms-takeout-xml (test_data), seen in
November 2026; dates in other languages than English, deleted messages and calls were seen in no export.
Takeout puts chats of Hangouts there as well, with other ids than Hangouts.json has.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.chats.google.dates import parse_chat_date
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader, read_document
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import LONGEST_NAME, clean_text
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Google Chat"
GUIDE = Guide(
    steps="At takeout.google.com: Deselect all > Google Chat > Next step > Create export.",
    reads="It reads messages with authors, times, quoted messages and edits, and the names of files.",
    leaves_out=(
        "Left out are deleted messages, messages of apps, reactions, and the words of quoted messages."
    ),
    marks=("messages", "creator", "created_date", "topic_id", "message_id"),
)
_AUTHORS: dict[str, RecordKind] = {"Human": "words", "": "words", "Bot": "bot", "App": "bot"}
# what a message without words is, by the name of its annotation
_ANNOTATIONS: dict[str, RecordKind] = {
    "video_call_metadata": "call",
    "drive_metadata": "share",
    "url_metadata": "share",
    "youtube_metadata": "share",
    "gsuite_integration_metadata": "event",
    "interaction_data": "event",
}
_PLACES = frozenset(("start_index", "length"))
_FOLDER = re.compile(r"(?:DM|Space) (\S++)")
_PREFIX = "File-"  # Takeout writes it before a file's own name
_FOREIGN = "in a language whose dates are not read"
_ADVICE = "Dates of Google Chat are read in English: set your Google account to English and export again."


class ChatPerson(Struct, gc=False):
    """An author; a deleted account has no address."""

    name: str | None = ""
    email: str | None = ""
    user_type: str | None = ""


class ChatFile(Struct, gc=False):
    """A file: its own name, and the one that it has in the export."""

    export_name: str | None = ""
    original_name: str | None = ""


class ChatQuote(Struct, gc=False):
    """The message that is quoted."""

    message_id: str | None = None


class ChatMessage(Struct, gc=False):
    """A message. Its id is `chat/topic/message`; the first message of a topic is called like the topic."""

    creator: ChatPerson | None = None
    created_date: str | None = None
    updated_date: str | None = None
    deleted_date: str | None = None
    text: str | None = ""
    topic_id: str | None = ""
    message_id: str | None = ""
    attached_files: tuple[ChatFile, ...] | None = ()
    annotations: tuple[dict[str, Any], ...] | None = ()
    quoted_message_metadata: ChatQuote | None = None


def recognises(head: FileHead) -> bool:
    return bool(_part(head))


def _part(head: FileHead) -> str:
    if head.has("messages[].creator") and {"messages[].topic_id", "messages[].created_date"} & head.keys:
        return "messages"
    if head.has("user.email", "user.user_type"):
        return "owner"
    return "group" if head.has("members[].user_type", "members[].email") else ""


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    parts: dict[str, list[Source]] = {}
    for source in sources:
        parts.setdefault(_part(sniff_head(source)), []).append(source)
    owners = {
        _person_id(fields["user"])
        for source in parts.get("owner", [])
        if isinstance(fields := read_document(source), dict) and isinstance(fields.get("user"), dict)
    }
    groups = {_folder(source): read_document(source) for source in parts.get("group", [])}
    for source in parts.get("messages", []):
        chat = GoogleChat(source, groups.get(_folder(source)), frozenset(owners - {""}))
        document = JsonReader(source)
        for key in document.members():
            if key == "messages" and document.first() == b"[":
                for message in document.elements(ChatMessage):
                    if exported := chat.convert(message, log):
                        yield exported
        log.skip("unreadable", document.unreadable)
    if log.skipped[_FOREIGN]:
        log.note(_ADVICE)


def _folder(source: Source) -> str:
    return f"{source.root}/{source.path}".replace("\\", "/").rstrip("/").rpartition("/")[0]


def _person_id(person: dict[str, Any]) -> str:
    return str(person.get("email") or person.get("name") or "").casefold()


class GoogleChat:
    """A chat: a direct one has no name and is called like its other people."""

    def __init__(self, source: Source, group: object, owners: frozenset[str]) -> None:
        fields = group if isinstance(group, dict) else {}
        members = fields.get("members")
        people = [each for each in members if isinstance(each, dict)] if isinstance(members, list) else []
        others = [each for each in people if _person_id(each) not in owners]
        names = [str(each.get("name") or each.get("email") or "") for each in others[:LONGEST_NAME]]
        folder = _folder(source).rpartition("/")[2]
        found = _FOLDER.fullmatch(folder)
        self._id = found[1] if found else ""
        self._name = clean_text(str(fields.get("name") or ", ".join(names))[:LONGEST_NAME]) or folder
        self._kind: ChatKind = "direct" if folder.startswith("DM ") and len(people) < 3 else "group"
        self._source, self._owners, self._ids = source, owners, MessageIds()

    def convert(self, message: ChatMessage, log: ImportLog) -> ExportedMessage | None:
        """Return a message; None, counted in the log, for one that is left out."""
        creator = message.creator or ChatPerson()
        author = clean_text(creator.email or creator.name or "").casefold()
        files = tuple(name for file in message.attached_files or () if (name := _file_name(file)))
        record, name = _record(message, creator, files)
        if (kind := kept_kind(record, name, log)) is None:
            return None
        try:
            date = parse_chat_date(message.created_date or "")
        except ValueError:
            log.skip(_FOREIGN if message.created_date else "without a date")
            return None
        if not author:
            log.skip("without an author")
            return None
        text = clean_text(message.text or "")
        id = message.message_id or ""
        chat, topic, own = id.split("/") if id.count("/") == 2 else ("", "", "")
        place = self._id or clean_text(chat) or self._name
        return ExportedMessage(
            platform="googlechat",
            chat=place,
            id=self._ids.choose(clean_text(id), place, date.time, author, text),
            author=author,
            author_name=clean_text(creator.name or creator.email or ""),
            time=date.time,
            source=self._source.label,
            text=text if kind == "text" else "",
            is_self=author in self._owners if self._owners and kind != "notice" else None,
            chat_kind=self._kind,
            chat_name=self._name,
            reply_to=_quoted(message) or (f"{chat}/{topic}/{topic}" if topic != own else None),
            local=date.local,
            edited=bool(message.updated_date),
            kind=file_kind(files[0]) if files and kind == "text" else kind,
            media=files if kind == "text" else (),
        )


def _record(
    message: ChatMessage, creator: ChatPerson, files: tuple[str, ...]
) -> tuple[RecordKind | None, str]:
    """Return the kind of a record, and the export's name for it."""
    if message.deleted_date:
        return "deleted", ""
    type = creator.user_type or ""
    if message.text or files or _AUTHORS.get(type) != "words":
        return _AUTHORS.get(type), type
    names = [name for each in message.annotations or () for name in each if name not in _PLACES]
    name = names[0] if names else "without words"
    return ("notice" if not names else _ANNOTATIONS.get(name)), name


def _file_name(file: ChatFile) -> str:
    return clean_text(file.original_name or (file.export_name or "").removeprefix(_PREFIX))


def _quoted(message: ChatMessage) -> str | None:
    quote = message.quoted_message_metadata
    return clean_text(quote.message_id) if quote and quote.message_id else None
