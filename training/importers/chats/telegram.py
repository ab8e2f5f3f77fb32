"""Telegram Desktop's result.json: one chat, or everything ("Export Telegram data")."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from bot.errors import UserError
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.normalise import clean, seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind, Label

TITLE = "Telegram"
ADVICE = "In Telegram Desktop choose Export chat history, and JSON as the format"
_KINDS: dict[str, ChatKind] = {
    "personal_chat": "direct",
    "private_group": "group",
    "private_supergroup": "group",
    "public_supergroup": "group",
    "private_channel": "channel",
    "public_channel": "channel",
    "saved_messages": "timeline",
    "replies": "group",
}
_UNNAMED = {"saved_messages": "Saved Messages", "replies": "Replies"}
_MACHINES = {"bot_chat": "chats with bots", "verification_codes": "chats of verification codes"}
_MEDIA: dict[str, Kind] = {
    "sticker": "sticker",
    "video_message": "video",
    "video_file": "video",
    "animation": "video",
    "voice_message": "audio",
    "audio_file": "audio",
}
_LABELS = {"phone", "email", "bank_card", "mention", "mention_name"}


class Entity(Struct, gc=False):
    """A part of a text that is not plain."""

    type: str = ""
    text: str = ""


class Message(Struct, gc=False):
    """A message as tdesktop writes it, as far as it is used."""

    id: int
    type: str = "message"
    date: str = ""
    date_unixtime: str | int | None = None
    edited: Any = UNSET
    name: str | None = field(name="from", default=None)
    from_id: str | int | None = None
    action: str = ""
    forwarded_from: str | UnsetType | None = UNSET
    via_bot: str | None = None
    reply_to_message_id: int | None = None
    reply_to_peer_id: str | int | None = None
    photo: str | None = None
    file: str | None = None
    media_type: str | None = None
    contact_information: Any = None
    location_information: Any = None
    place_name: Any = None
    poll: Any = None
    todo_list: Any = None
    game_title: Any = None
    invoice_information: Any = None
    text: str | list[str | Entity] = ""


def recognises(head: FileHead) -> bool:
    if head.has("personal_information.user_id") or head.has("chats.list[].messages"):
        return True
    known = {f"messages[].{key}" for key in ("from_id", "date_unixtime", "actor_id", "text_entities", "text")}
    is_chat = head.has("type", "id", "messages") and not head.has("guild")
    return is_chat and (bool(known & head.keys) or any(f'"{kind}"' in head.text[:999] for kind in _KINDS))


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document = Json(source)
        yield from _chat(document, source, tally, me="")
        if not document.at_end():
            raise UserError(f"{source} goes on behind its end: export it again.")
        tally.skip("unreadable", document.unreadable)


def _chat(document: Json, source: Source, tally: ImportLog, me: str) -> Iterator[ExportedMessage]:
    """A chat, or the whole export: both are objects, told apart by their keys."""
    told: dict[str, Any] = {}
    for key in document.members():
        if key in ("name", "type", "id"):
            told[key] = document.value(object)
        elif key == "personal_information":
            me = peer(document.value(dict[str, Any]).get("user_id"))
        elif key in ("chats", "left_chats"):
            yield from _list(document, source, tally, me)
        elif key == "messages":
            yield from _messages(document, source, tally, told, me)


def _list(document: Json, source: Source, tally: ImportLog, me: str) -> Iterator[ExportedMessage]:
    for key in document.members():
        if key == "list":
            for _ in document.items():
                yield from _chat(document, source, tally, me)


def _messages(
    document: Json, source: Source, tally: ImportLog, told: dict[str, Any], me: str
) -> Iterator[ExportedMessage]:
    kind, number = told.get("type"), told.get("id")
    if not isinstance(kind, str) or not isinstance(number, int | str):
        raise UserError(f"{source} has a chat without type or id: {ADVICE}.")
    if kind in _MACHINES:
        tally.skip(_MACHINES[kind])
        document.skip()
        return
    partner = f"user{number}" if kind == "personal_chat" and not me else ""
    chat = Chat(str(number), _KINDS.get(kind, "group"), _title(told, kind), source.label, me, partner)
    for message in document.elements(Message):
        if message.type == "unsupported":
            tally.skip("unsupported by Telegram Desktop")
        elif message.via_bot:
            tally.skip("written by bots")
        else:
            try:
                yield chat.said(message)
            except ValueError:
                tally.skip("without a date")


def _title(told: dict[str, Any], kind: str) -> str:
    name = told.get("name")
    return clean(name) if isinstance(name, str) else _UNNAMED.get(kind, "Deleted Account")


class Chat:
    """One chat while it is read: what its messages have in common, and the topics of a forum."""

    def __init__(self, chat: str, kind: ChatKind, name: str, source: str, me: str, partner: str) -> None:
        self.id, self.kind, self.name, self.source, self.me, self.partner = (
            chat,
            kind,
            name,
            source,
            me,
            partner,
        )
        self._topics = set[int]()
        self._peers = dict[str | int | None, tuple[str, bool | None]]()

    def said(self, message: Message) -> ExportedMessage:
        """The message as everybody knows it; raise ValueError if it has no time.

        What is rare is put in afterwards: Python calls a function with more than fifteen named arguments by
        way of a dictionary, which takes five times as long.
        """
        told, reply, parts = message.date_unixtime, message.reply_to_message_id, message.text
        author, is_self = self._peers.get(message.from_id) or self._met(message.from_id)
        if message.type != "message":
            return self._notice(message, author)
        said = ExportedMessage(
            platform="telegram",
            chat=self.id,
            id=str(message.id),
            author=author,
            author_name=clean(message.name) if message.name else "",
            time=_local(message.date) if told is None else seconds(told),
            source=self.source,
            text=clean(parts) if isinstance(parts, str) else "",
            is_self=is_self,
            chat_kind=self.kind,
            chat_name=self.name,
            reply_to=None if reply is None else str(reply),
            local=told is None,
            edited=message.edited is not UNSET,
            forwarded=message.forwarded_from is not UNSET,
        )
        if message.photo or message.file or message.media_type or not parts:
            kind, media = _media(message)
            said = replace(said, kind=kind, media=media)
        if not isinstance(parts, str):
            text, labels = _text(parts)
            said = replace(said, text=text, labels=labels)
        return said if reply is None else self._answer(said, message)

    def _answer(self, said: ExportedMessage, message: Message) -> ExportedMessage:
        """A reply into another chat, or into a topic, which is no reply."""
        if message.reply_to_peer_id is not None:
            return replace(said, reply_chat=peer(message.reply_to_peer_id))
        if message.reply_to_message_id in self._topics:
            return replace(said, reply_to=None, thread=str(message.reply_to_message_id))
        return said

    def _notice(self, message: Message, author: str) -> ExportedMessage:
        """An event: where a conversation ends or a topic begins, and no speech."""
        if message.action == "topic_created":
            self._topics.add(message.id)
        told = message.date_unixtime
        return ExportedMessage(
            platform="telegram",
            chat=self.id,
            id=str(message.id),
            author=author,
            author_name="",
            time=_local(message.date) if told is None else seconds(told),
            source=self.source,
            chat_kind=self.kind,
            chat_name=self.name,
            local=told is None,
            kind="notice",
        )

    def _met(self, told: str | int | None) -> tuple[str, bool | None]:
        """An author's id, and whether it is me: in a chat of two that is whoever is not the partner."""
        author = peer(told)
        mine = author == self.me if self.me else author != self.partner if self.partner and author else None
        self._peers[told] = author, mine
        return author, mine


def peer(number: str | int | None) -> str:
    """A peer's id as it is written since April 2021; before, high bits of a number told the kind."""
    if isinstance(number, int):
        return f"{('user', 'chat', 'channel')[max(0, min(number >> 32, 2))]}{number & 0xFFFFFFFF}"
    return number or ""


def _local(date: str) -> float:
    return seconds(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())


def _text(parts: list[str | Entity]) -> tuple[str, tuple[Label, ...]]:
    """The text, and the spans that Telegram found to be a phone number, an address, a card or a name."""
    whole = ""
    labels: tuple[Label, ...] = ()
    for part in parts:
        if isinstance(part, str):
            whole += part
            continue
        if part.type in _LABELS:
            start = len(clean(whole))
            labels += ((start, start + len(clean(part.text)), part.type.removesuffix("_name")),)
        whole += part.text
    return clean(whole), labels


def _media(message: Message) -> tuple[Kind, tuple[str, ...]]:
    """What came beside the text. A sentence in brackets stands where the file was not exported."""
    path = message.photo or message.file
    if path or message.media_type:
        kind: Kind = "image" if message.photo else _MEDIA.get(message.media_type or "", "file")
        return kind, (path,) if path and path[0] != "(" else ()
    others = message.poll or message.contact_information or message.location_information or message.place_name
    if others or message.todo_list or message.game_title or message.invoice_information:
        return "other", ()
    return "text", ()
