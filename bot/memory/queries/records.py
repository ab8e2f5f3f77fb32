"""What memory answers with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.message import Message, Place

InboxState = Literal["accepted", "ignored", "answered", "given_up"]
OutboxState = Literal["queued", "sending", "sent", "dropped"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One part to be sent. The key (24 hexadecimal digits) is the same however often the part is tried."""

    key: str
    place: Place
    part: int  # from 0
    text: str
    state: OutboxState
    attempts: int
    reply_to: str | None
    persona: str | None  # None for a notice
    sent_id: str | None = None  # the platform's id of the message that stands there for it, if one does


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The newest answer that stands: its last message, what it answered, and the last message it had read."""

    message: Message
    answered: tuple[str, ...]
    read: str | None


@dataclass(frozen=True, slots=True)
class AnswerExplanation:
    """The newest decision in a place. `message_id` is None where nobody was answered (a greeting)."""

    message_id: str | None
    rule: str
    persona: str | None
    state: InboxState
    reason: str
    why: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A place with the number of messages kept from it and the time of the newest, in Unix seconds."""

    place: Place
    messages: int
    newest: float | None


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """What memory holds: inbox rows by state, parts not yet sent, and the bytes of the database file.

    `dead` counts what platforms delivered and nobody could read.
    """

    inbox: Mapping[InboxState, int]
    unsent: int
    messages: int
    places: int
    bytes: int
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased: rows, and files that held copies (one new backup is not counted)."""

    places: int
    messages: int
    answers: int
    outgoing: int
    backups: int = 0
    set_aside: int = 0
