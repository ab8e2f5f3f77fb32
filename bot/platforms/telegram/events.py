"""Events on Telegram that the bot handles."""

from dataclasses import dataclass

from bot.chat.commands import find_command
from bot.message import Author, Message, Place
from bot.persona.persona import NoticeKind


@dataclass(frozen=True, slots=True)
class BotAccount:
    """The bot's own account. `proxies` are the ids of other bots through which people speak."""

    id: int
    username: str
    proxies: frozenset[str] = frozenset()

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
    message: Message


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """A pin, or the join of one or more people."""

    notices: tuple[Message, ...]
    kind: NoticeKind


@dataclass(frozen=True, slots=True)
class ReactionEvent:
    """All reactions of a person to a message, none where they were taken back; `time` is in Unix seconds."""

    chat_id: int
    message_id: str
    author: Author
    emoji: tuple[str, ...]
    time: float

    def notice(self, place: Place) -> Message:
        """Return the reactions as a notice, with the same id whatever they are."""
        id = f"reaction:{self.message_id}:{self.author.id}"
        text = f"[reacted with {' '.join(self.emoji)}]"
        return Message(place, id, self.author, text, self.time, reply_to=self.message_id)


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command as typed, without slash and bot name; `time` is in Unix seconds."""

    place: Place
    id: str
    invoker: Invoker
    name: str
    argument: str
    time: float

    @property
    def is_known(self) -> bool:
        return find_command(self.name) is not None


@dataclass(frozen=True, slots=True)
class MistypedEvent:
    """A command of a group that is no command of this bot, and may become one by an edit."""

    chat_id: int
    id: str


@dataclass(frozen=True, slots=True)
class CorrectedEvent:
    """A message that is a command since its edit."""

    command: CommandEvent


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
    MessageEvent
    | EditEvent
    | NoticeEvent
    | ReactionEvent
    | CommandEvent
    | MistypedEvent
    | CorrectedEvent
    | ButtonEvent
    | MigrationEvent
    | MembershipEvent
    | IgnoredEvent
)
