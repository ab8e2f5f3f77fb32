"""What DiscordChatExporter writes: JSON with everything, or CSV with neither ids nor replies."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, json
from msgspec.structs import replace

from bot.errors import UserError
from training.importers.reading.csv_rows import read_rows
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json, Truncated
from training.importers.reading.normalise import clean, discord_text, drawn_id, iso, numbered
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "DiscordChatExporter"
ADVICE = "In DiscordChatExporter choose JSON as the format"
_SPEECH = {"Default", "Reply"}
_COLUMNS = ("AuthorID", "Author", "Date", "Content")
_DIRECT: dict[str, ChatKind] = {"DirectTextChat": "direct", "GuildNews": "channel"}
_FILE_NAME = re.compile(r"(.*) \[(\d+)\]")


class User(Struct, gc=False):
    """Who wrote, or was mentioned. The nickname is what is shown."""

    id: str
    name: str = ""
    nickname: str | None = None
    isBot: bool = False


class Named(Struct, gc=False):
    """An attachment or a sticker."""

    fileName: str = ""
    name: str = ""


class Forwarded(Struct, gc=False):
    """What was forwarded from elsewhere (since 2026)."""

    content: str = ""


class Reference(Struct, gc=False):
    """What a message answers, or forwards."""

    type: str = "Default"
    messageId: str | None = None
    channelId: str | None = None


class Message(Struct, gc=False):
    """A message as the exporter writes it, as far as it is used; a kind that it does not know is a number."""

    id: str
    timestamp: str
    author: User
    type: str | int = "Default"
    timestampEdited: str | None = None
    content: str = ""
    attachments: tuple[Named, ...] = ()
    stickers: tuple[Named, ...] = ()
    mentions: Raw = Raw(b"[]")  # read where a text has marks that want names, which is rare
    reference: Reference | None = None
    forwardedMessage: Forwarded | None = None
    interaction: Any = UNSET


def recognises(head: FileHead) -> bool:
    return head.has("guild", "channel", "channel.id") or head.columns[:4] == _COLUMNS


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        yield from _json(source, tally) if source.head().lstrip()[:1] == b"{" else _table(source, tally)


def _json(source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    """The whole document; one whose end was cut off by a crash is read as far as it goes."""
    document, guild, channel = Json(source), dict[str, Any](), dict[str, Any]()
    chat: Chat | None = None
    try:
        for key in document.members():
            if key == "guild":
                guild = document.value(dict[str, Any])
            elif key == "channel":
                channel = document.value(dict[str, Any])
            elif key == "messages":
                chat = Chat(source, guild, channel)
                yield from chat.said(document, tally)
        if not document.at_end():
            raise UserError(f"{source} goes on behind its end: export it again.")
    except Truncated:
        if not (chat and chat.has_messages):
            raise
        tally.note(
            f"{source} is cut off in the middle: the messages before that were taken, export it again."
        )
    tally.skip("unreadable", document.unreadable)


class Chat:
    """A channel, a thread or a direct chat: each is a file, or several."""

    def __init__(self, source: Source, guild: dict[str, Any], channel: dict[str, Any]) -> None:
        number = channel.get("id")
        if not isinstance(number, str | int):
            raise UserError(f"{source} does not say which channel it is: {ADVICE} and export it again.")
        kind = str(channel.get("type"))
        self.id, self._source, self.has_messages = str(number), source.label, False
        self._kind: ChatKind = _DIRECT.get(kind, "group")
        parts = (
            [channel.get("name")] if kind.startswith("Direct") else [guild.get("name"), channel.get("name")]
        )
        self._name = " / ".join(clean(part) for part in parts if isinstance(part, str))

    def said(self, document: Json, tally: ImportLog) -> Iterator[ExportedMessage]:
        for message in document.elements(Message):
            self.has_messages = True
            if message.author.isBot or message.interaction is not UNSET:
                tally.skip("written by bots")
                continue
            try:
                yield self._said(message)
            except ValueError:
                tally.skip("without a date")

    def _said(self, message: Message) -> ExportedMessage:
        """The message as everybody knows it; what is rare is put in afterwards, which is faster."""
        author, notice = message.author, message.type not in _SPEECH
        said = ExportedMessage(
            platform="discord",
            chat=self.id,
            id=message.id,
            author=author.id,
            author_name=clean(author.nickname or author.name),
            time=iso(message.timestamp),
            source=self._source,
            text="" if notice else _text(message),
            chat_kind=self._kind,
            chat_name=self._name,
            precision="millisecond",
            edited=message.timestampEdited is not None,
        )
        if notice:
            return replace(said, kind="notice")
        if message.attachments or message.stickers:
            said = _with_files(said, message)
        if message.reference or message.forwardedMessage:
            said = self._with_reference(said, message)
        return said

    def _with_reference(self, said: ExportedMessage, message: Message) -> ExportedMessage:
        reference = message.reference
        if message.forwardedMessage or not reference or reference.type == "Forward":
            return replace(said, forwarded=True)
        elsewhere = reference.channelId if reference.channelId != self.id else None
        return replace(said, reply_to=reference.messageId, reply_chat=elsewhere)


def _with_files(said: ExportedMessage, message: Message) -> ExportedMessage:
    files = message.attachments or message.stickers
    names = tuple(clean(named.fileName or named.name) for named in files)
    return replace(said, kind="file" if message.attachments else "sticker", media=names)


def _text(message: Message) -> str:
    """The words; where Markdown was left raw, mentions and emoji get their names."""
    text = message.content
    if not text and message.forwardedMessage:
        text = message.forwardedMessage.content
    if "<" not in text:
        return clean(text)
    try:
        users = json.decode(message.mentions, type=list[User])
    except ValueError:  # the text does without names
        users = []
    return discord_text(text, {user.id: user.nickname or user.name for user in users})


def _table(source: Source, tally: ImportLog) -> Iterator[ExportedMessage]:
    """The CSV: ids are drawn from what it has."""
    found = _FILE_NAME.search(source.name)
    chat, name = (found[2], found[1]) if found else (source.name, source.name)
    seen: dict[str, int] = {}
    for row in read_rows(source):
        author, told, text = row.get("AuthorID", ""), row.get("Date", ""), clean(row.get("Content", ""))
        files = tuple(part for part in row.get("Attachments", "").split(",") if part)
        try:
            moment = iso(told)
        except ValueError:
            tally.skip("without a date")
            continue
        drawn = drawn_id(author, moment, text)
        yield ExportedMessage(
            platform="discord",
            chat=chat,
            id=drawn_id(drawn, numbered(drawn, seen)),
            author=author,
            author_name=row.get("Author", ""),
            time=moment,
            source=source.label,
            text=text,
            chat_kind="group",
            chat_name=name,
            precision="millisecond",
            kind="file" if files else "text",
            media=files,
        )
