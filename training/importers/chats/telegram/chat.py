"""One Telegram chat as messages: authors, replies, and the topics of a forum."""

from datetime import UTC, datetime

from msgspec import UNSET
from msgspec.structs import replace

from training.importers.chats.telegram.records import TelegramMessage, peer_id
from training.importers.chats.telegram.text import labelled_text, message_media, rich_text
from training.importers.reading.normalise import clean_text, unix_seconds
from training.store.messages import ChatKind, ExportedMessage


class TelegramChat:
    """Converts the messages of one chat, in the order of the file.

    `me` is the exporting user's peer id, "" in the export of a single chat; there, `partner` is the other
    person of a chat of two, and "" in a group.
    """

    def __init__(self, chat: str, kind: ChatKind, name: str, source: str, me: str, partner: str) -> None:
        self.id, self.kind, self.name, self.source = chat, kind, name, source
        self.me, self.partner = me, partner
        self._topics = set[int]()
        self._authors = dict[str | int | None, tuple[str, bool | None]]()

    def convert(self, message: TelegramMessage) -> ExportedMessage:
        """Return the message in the shape of messages.jsonl. Raises ValueError if it has no time.

        Rare fields are put in by `replace`: Python calls a function with more than fifteen named arguments
        by way of a dictionary, which takes five times as long.
        """
        time, reply, parts = message.date_unixtime, message.reply_to_message_id, message.text
        author, is_self = self._authors.get(message.from_id) or self._add_author(message.from_id)
        if message.type != "message":
            return self._notice(message, author)
        exported = ExportedMessage(
            platform="telegram",
            chat=self.id,
            id=str(message.id),
            author=author,
            author_name=clean_text(message.name) if message.name else "",
            time=_local_time(message.date) if time is None else unix_seconds(time),
            source=self.source,
            text=clean_text(parts) if isinstance(parts, str) else "",
            is_self=is_self,
            chat_kind=self.kind,
            chat_name=self.name,
            reply_to=None if reply is None else str(reply),
            local=time is None,
            edited=message.edited is not UNSET,
            forwarded=message.forwarded_from is not UNSET,
        )
        if message.photo or message.file or message.media_type or not parts:
            kind, media = message_media(message)
            exported = replace(exported, kind=kind, media=media)
            if message.rich_message is not None and not parts:
                exported = replace(exported, text=rich_text(message.rich_message))
        if not isinstance(parts, str):
            text, labels = labelled_text(parts)
            exported = replace(exported, text=text, labels=labels)
        return exported if reply is None else self._resolve_reply(exported, message)

    def _resolve_reply(self, exported: ExportedMessage, message: TelegramMessage) -> ExportedMessage:
        """Set the chat of a reply into another chat; turn a reply to a topic's notice into its thread.

        tdesktop writes `reply_to_peer_id` for a reply into another chat only.
        """
        if message.reply_to_peer_id is not None:
            return replace(exported, reply_chat=peer_id(message.reply_to_peer_id))
        if message.reply_to_message_id in self._topics:
            return replace(exported, reply_to=None, thread=str(message.reply_to_message_id))
        return exported

    def _notice(self, message: TelegramMessage, author: str) -> ExportedMessage:
        """A service message: it ends a session or begins a topic, and holds no speech."""
        if message.action == "topic_created":
            self._topics.add(message.id)
        time = message.date_unixtime
        return ExportedMessage(
            platform="telegram",
            chat=self.id,
            id=str(message.id),
            author=author,
            author_name="",
            time=_local_time(message.date) if time is None else unix_seconds(time),
            source=self.source,
            chat_kind=self.kind,
            chat_name=self.name,
            local=time is None,
            kind="notice",
        )

    def _add_author(self, from_id: str | int | None) -> tuple[str, bool | None]:
        """An author's id and `is_self`; in a chat of two, everybody but the partner is the exporting user."""
        author = peer_id(from_id)
        is_self = (
            author == self.me if self.me else author != self.partner if self.partner and author else None
        )
        self._authors[from_id] = author, is_self
        return author, is_self


def _local_time(date: str) -> float:
    return unix_seconds(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())
