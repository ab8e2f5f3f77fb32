"""DiscordChatExporter's JSON, and its CSV, which has neither ids nor replies.

Source: Tyrrrz/DiscordChatExporter, seen at commit 4f29fa6.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, json
from msgspec.structs import replace

from bot.errors import UserError
from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_scanner import TruncatedJson
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, discord_text, parse_iso_time
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind

TITLE = "DiscordChatExporter"
GUIDE = Guide(
    steps="In DiscordChatExporter (Tyrrrz): choose the channels > Export > JSON as the format.",
    reads="It reads messages with names, replies and threads; of CSV, messages without replies.",
    leaves_out="Notices, bots, embeds, reactions and forwarded messages are no words of their authors.",
    marks=("guild", "channel", "messages", "author", "content", "timestamp"),
)
ADVICE = "In DiscordChatExporter choose JSON as the format"
# types of messages: by name as the exporter writes them, by number where it knows no name (Discord's API)
_TYPES: dict[str, RecordKind] = {
    **dict.fromkeys(("Default", "Reply"), "words"),
    **dict.fromkeys(("RecipientAdd", "RecipientRemove", "ChannelNameChange", "ChannelIconChange"), "notice"),
    **dict.fromkeys(("ChannelPinnedMessage", "GuildMemberJoin", "ThreadCreated"), "notice"),
    "Call": "call",
    **dict.fromkeys(map(str, (*range(1, 13), *range(14, 19), *range(24, 33), *range(36, 40), 44)), "notice"),
    **dict.fromkeys(("21", "22"), "notice"),  # 21 begins a thread, with another message's words
    **dict.fromkeys(("20", "23"), "bot"),
    "46": "poll",
}
_SPEECH = {"Default", "Reply"}
_COLUMNS = ("AuthorID", "Author", "Date", "Content")
_DIRECT: dict[str, ChatKind] = {"DirectTextChat": "direct", "GuildNews": "channel"}
_FILE_NUMBER = re.compile(r" \[(\d{1,30}+)\]")


class ExporterUser(Struct, gc=False):
    """An author, or a person mentioned. Discord shows the nickname."""

    id: str
    name: str = ""
    nickname: str | None = None
    isBot: bool = False


class ExporterFile(Struct, gc=False):
    """An attachment or a sticker."""

    fileName: str = ""
    name: str = ""


class ExporterForward(Struct, gc=False):
    """The copy of a forwarded message (`forwardedMessage`, since February 2026)."""

    content: str = ""


class ExporterReference(Struct, gc=False):
    """The message that is answered or forwarded."""

    type: str = "Default"
    messageId: str | None = None
    channelId: str | None = None


class ExporterMessage(Struct, gc=False):
    """A message as far as the importer reads it; a type that the exporter does not know is a number."""

    id: str
    timestamp: str
    author: ExporterUser
    type: str | int = "Default"
    timestampEdited: str | None = None
    content: str = ""
    attachments: tuple[ExporterFile, ...] = ()
    stickers: tuple[ExporterFile, ...] = ()
    mentions: Raw = Raw(b"[]")  # decoded only for a text with raw mentions, which is rare
    reference: ExporterReference | None = None
    forwardedMessage: ExporterForward | None = None
    interaction: Any = UNSET


def recognises(head: FileHead) -> bool:
    return head.has("guild", "channel", "channel.id") or head.columns[:4] == _COLUMNS


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        yield from _json(source, log) if source.head().lstrip()[:1] == b"{" else _table(source, log)


def _json(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Read the document; one that a crash cut off is read up to its last whole message."""
    document, guild, channel = JsonReader(source), dict[str, Any](), dict[str, Any]()
    current: ExporterChannel | None = None
    try:
        for key in document.members():
            if key == "guild":
                guild = document.value(dict[str, Any])
            elif key == "channel":
                channel = document.value(dict[str, Any])
            elif key == "messages":
                current = ExporterChannel(source, guild, channel)
                yield from current.messages(document, log)
        if not document.at_end():
            raise UserError(f"{source} goes on behind its end: export it again.")
    except TruncatedJson:
        if not (current and current.has_messages):
            raise
        log.note(f"{source} is cut off in the middle: the messages before that were taken, export it again.")
    log.skip("unreadable", document.unreadable)


class ExporterChannel:
    """A channel, a thread or a direct chat. Each is exported as a file, or as several parts.

    Raises UserError for a channel without an id.
    """

    def __init__(self, source: Source, guild: dict[str, Any], channel: dict[str, Any]) -> None:
        channel_id = channel.get("id")
        if not isinstance(channel_id, str | int):
            raise UserError(f"{source} does not say which channel it is: {ADVICE} and export it again.")
        kind = str(channel.get("type"))
        self.id, self._source, self.has_messages = str(channel_id), source.label, False
        self._kind: ChatKind = _DIRECT.get(kind, "group")
        parts = (
            [channel.get("name")] if kind.startswith("Direct") else [guild.get("name"), channel.get("name")]
        )
        self._name = " / ".join(clean_text(part) for part in parts if isinstance(part, str))

    def messages(self, document: JsonReader, log: ImportLog) -> Iterator[ExportedMessage]:
        for message in document.elements(ExporterMessage):
            self.has_messages = True
            if message.author.isBot or message.interaction is not UNSET:
                log.skip("written by bots")
                continue
            kind: Kind | None = "text"
            if message.type not in _SPEECH:
                kind = _kind(str(message.type), log)
            try:
                if kind:
                    yield self._convert(message, kind)
            except ValueError:
                log.skip("without a date")

    def _convert(self, message: ExporterMessage, kind: Kind) -> ExportedMessage:
        """The message in the shape of messages.jsonl; rare fields are put in by `replace`: that is faster."""
        author = message.author
        exported = ExportedMessage(
            platform="discord",
            chat=self.id,
            id=message.id,
            author=author.id,
            author_name=clean_text(author.nickname or author.name),
            time=parse_iso_time(message.timestamp),
            source=self._source,
            text=_plain_text(message) if kind == "text" else "",
            chat_kind=self._kind,
            chat_name=self._name,
            precision="millisecond",
            edited=message.timestampEdited is not None,
        )
        if kind != "text":
            return replace(exported, kind=kind)
        if message.attachments or message.stickers:
            exported = _with_files(exported, message)
        if message.reference or message.forwardedMessage:
            exported = self._with_reference(exported, message)
        return exported

    def _with_reference(self, exported: ExportedMessage, message: ExporterMessage) -> ExportedMessage:
        reference = message.reference
        if message.forwardedMessage or not reference or reference.type == "Forward":
            return replace(exported, forwarded=True)
        elsewhere = reference.channelId if reference.channelId != self.id else None
        return replace(exported, reply_to=reference.messageId, reply_chat=elsewhere)


def _kind(type: str, log: ImportLog) -> Kind | None:
    """Return the kind to keep a message of Discord's own as; also a type that is not known is no speech."""
    kept = kept_kind(_TYPES.get(type), type, log)
    return "notice" if kept == "other" and type not in _TYPES else kept


def _with_files(exported: ExportedMessage, message: ExporterMessage) -> ExportedMessage:
    files = message.attachments or message.stickers
    names = tuple(clean_text(named.fileName or named.name) for named in files)
    return replace(exported, kind="file" if message.attachments else "sticker", media=names)


def _plain_text(message: ExporterMessage) -> str:
    """The words; with --markdown false, raw mentions and emoji get their names."""
    text = message.content
    if not text and message.forwardedMessage:
        text = message.forwardedMessage.content
    if "<" not in text:
        return clean_text(text)
    try:
        users = json.decode(message.mentions, type=list[ExporterUser])
    except ValueError:  # broken mentions: the text keeps the ids
        users = []
    return discord_text(text, {user.id: user.nickname or user.name for user in users})


def _table(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Read the CSV; ids are derived from author, time and text, the channel from the file's name."""
    chat = name = source.name
    for number in _FILE_NUMBER.finditer(source.name):
        chat, name = number[1], source.name[: number.start()]
    ids = MessageIds()
    for row in read_rows(source):
        author, text = row.get("AuthorID", ""), clean_text(row.get("Content", ""))
        files = tuple(part for part in row.get("Attachments", "").split(",") if part)
        try:
            time = parse_iso_time(row.get("Date", ""))
        except ValueError:
            log.skip("without a date")
            continue
        yield ExportedMessage(
            platform="discord",
            chat=chat,
            id=ids.derive(chat, author, time, text),
            author=author,
            author_name=row.get("Author", ""),
            time=time,
            source=source.label,
            text=text,
            chat_kind="group",
            chat_name=name,
            precision="millisecond",
            kind="file" if files else "text",
            media=files,
        )
