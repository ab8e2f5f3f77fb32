"""A message of Discord History Tracker in the shape of messages.jsonl, whichever file it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean_text, discord_text, unix_seconds
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.store.messages import ChatKind, ExportedMessage

_WEBHOOK = "0000"  # the discriminator that Discord gives to webhooks and to no person
_KINDS: dict[str, ChatKind] = {"DM": "direct", "dm": "direct", "user": "direct"}
_SERVERS = frozenset(("SERVER", "server"))


@dataclass(frozen=True, slots=True)
class HistoryUser:
    """An author; Discord shows the display name."""

    name: str
    is_webhook: bool


@dataclass(frozen=True, slots=True)
class HistoryChannel:
    """A channel, a thread or a direct chat."""

    name: str = ""
    kind: ChatKind = "group"


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """A message; `time` is in milliseconds."""

    id: str
    channel: str
    author: str
    text: str
    time: object
    reply_to: str | None
    is_edited: bool
    files: tuple[str, ...]


def make_user(name: object, discriminator: object) -> HistoryUser:
    """Return a user by the columns or keys of an archive."""
    return HistoryUser(clean_text(name) if isinstance(name, str) else "", discriminator == _WEBHOOK)


def make_channel(name: object, server: object, server_type: object) -> HistoryChannel:
    """Return a channel by the columns or keys of an archive; direct chats are servers of their own there."""
    parts = [server, name] if server_type in _SERVERS else [name]
    return HistoryChannel(
        " / ".join(clean_text(part) for part in parts if isinstance(part, str)),
        _KINDS.get(str(server_type), "group"),
    )


class HistoryArchive:
    """The people and channels of an archive, and the file that it is."""

    def __init__(
        self, label: str, users: Mapping[str, HistoryUser], channels: Mapping[str, HistoryChannel]
    ) -> None:
        self._label, self._users, self._channels = label, users, channels
        self._names = {id: user.name for id, user in users.items()}

    def convert(self, message: HistoryMessage, log: ImportLog) -> ExportedMessage | None:
        """Return the message; None, counted in the log, for a webhook's and for one without a date."""
        user = self._users.get(message.author)
        channel = self._channels.get(message.channel, HistoryChannel(message.channel))
        # an embed or a sticker is not in the archive: nothing is left of such a message
        record: RecordKind = "words" if message.text or message.files else "share"
        kind = kept_kind("bot" if user and user.is_webhook else record, "", log)
        if kind is None:
            return None
        try:
            time = unix_seconds(float(str(message.time)) / 1000)
        except ValueError:
            log.skip("without a date")
            return None
        return ExportedMessage(
            platform="discord",
            chat=message.channel,
            id=message.id,
            author=message.author,
            author_name=user.name if user else message.author,
            time=time,
            source=self._label,
            text=discord_text(message.text, self._names),
            chat_kind=channel.kind,
            chat_name=channel.name,
            reply_to=message.reply_to,
            precision="millisecond",
            edited=message.is_edited,
            kind="file" if message.files else kind,
            media=tuple(map(clean_text, message.files)),
        )
