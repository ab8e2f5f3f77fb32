"""Events on Telegram that the bot handles."""

from dataclasses import dataclass

from bot.message import Author, Message, Place


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
    """The user of a command or a button; `sender_chat` is the chat in whose name the user acts, if any."""

    id: int
    name: str
    chat_id: int
    sender_chat: int | None = None

    @property
    def author(self) -> Author:
        """The author of what the user says."""
        return Author(str(self.id if self.sender_chat is None else self.sender_chat), self.name)


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
    """A command as typed, without slash and bot name; `time` is in Unix seconds."""

    place: Place
    id: str
    invoker: Invoker
    name: str
    argument: str
    time: float


@dataclass(frozen=True, slots=True)
class ButtonEvent:
    """A pressed button, by the message that holds the button and the button's data."""

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
    """The bot's old and new status in a chat (Bot API, ChatMember.status); `changed_by` is a user."""

    place: Place
    old: str
    new: str
    changed_by: Author


@dataclass(frozen=True, slots=True)
class IgnoredEvent:
    """An update that the bot neither answers nor stores, and the reason."""

    reason: str


Event = (
    MessageEvent | EditEvent | CommandEvent | ButtonEvent | MigrationEvent | MembershipEvent | IgnoredEvent
)
