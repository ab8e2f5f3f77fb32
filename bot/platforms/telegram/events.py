"""What can happen on Telegram, as far as the bot cares."""

from dataclasses import dataclass

from bot.message import Message, Place


@dataclass(frozen=True, slots=True)
class BotAccount:
    """The bot's own account."""

    id: int
    username: str

    @property
    def account(self) -> str:
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Invoker:
    """Who wants something of the bot itself; `speaks_as` is the chat in whose name, if in one's."""

    id: int
    name: str
    chat_id: int
    sender_chat: int | None = None


@dataclass(frozen=True, slots=True)
class MessageEvent:
    message: Message


@dataclass(frozen=True, slots=True)
class EditEvent:
    place: Place
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command as it was typed, without its name's decoration."""

    place: Place
    id: str
    invoker: Invoker
    name: str
    argument: str
    time: float


@dataclass(frozen=True, slots=True)
class ButtonEvent:
    """A button, by the message it is under and its data."""

    id: str
    invoker: Invoker
    message_id: str
    data: str


@dataclass(frozen=True, slots=True)
class MigrationEvent:
    old: Place
    new: Place


@dataclass(frozen=True, slots=True)
class MembershipEvent:
    """What the bot now is in a chat, and was before, in the Bot API's words; `by` is who changed it."""

    place: Place
    old: str
    new: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class IgnoredEvent:
    """What the bot does not answer and does not keep, and why."""

    reason: str


Event = (
    MessageEvent | EditEvent | CommandEvent | ButtonEvent | MigrationEvent | MembershipEvent | IgnoredEvent
)
