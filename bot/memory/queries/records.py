"""Values that memory returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.message import Message, Place
from bot.text.formatted_text import TextSpan

InboxState = Literal["accepted", "ignored", "answered", "given_up"]
NAMED = "user"  # key in an answer's `why`: the id of the person whose name or words the text holds
OutboxState = Literal["queued", "sending", "sent", "dropped"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An outgoing part. The key (24 hexadecimal digits) stays the same over all attempts."""

    key: str
    place: Place
    part: int  # from 0
    text: str
    state: OutboxState
    attempts: int
    reply_to: str | None
    persona: str | None  # None for a notice
    sent_id: str | None = None  # the platform's id of the message that shows it, if any
    spans: tuple[TextSpan, ...] = ()  # formats, on a platform that does not read marks


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The newest answer in the history: its last message, the answered ids, and the last id it had read."""

    message: Message
    answered: tuple[str, ...]
    read: str | None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class AnswerExplanation:
    """The newest decision in a place. `message_id` is None for an answer to nobody (a greeting)."""

    message_id: str | None
    rule: str
    persona: str | None
    state: InboxState
    reason: str
    why: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A place, the number of its messages, and the time of the newest (Unix seconds)."""

    place: Place
    messages: int
    newest: float | None


@dataclass(frozen=True, slots=True)
class OwnConversation:
    """A conversation that somebody began: the chat's id in its place, its persona's key, and its title.

    The title is the beginning of the first message where none was given. `updated` is the Unix time of the
    newest message, else that of the beginning.
    """

    chat: str
    persona: str
    title: str
    updated: float
    messages: int


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message, its place among the swipes of its answer, from 0, and their count; 0 without others."""

    message: Message
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """Counts: inbox rows by state, unsent parts, and the bytes of the database file.

    `dead` counts the dead letters: unreadable deliveries of platforms.
    """

    inbox: Mapping[InboxState, int]
    unsent: int
    messages: int
    places: int
    bytes: int
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Counts: accepted messages without an answer yet, and unsent parts of replies."""

    inbox: int
    outbox: int


@dataclass(frozen=True, slots=True)
class Erased:
    """Counts of erased rows, and of files that held copies (the new backup is not counted).

    `kept` counts the answers to other people that may repeat an erased person's words, since those stood in
    the history when the answers were made; `kept_in` are the places of these answers.
    """

    places: int
    messages: int
    answers: int
    outgoing: int
    settings: int = 0
    quotations: int = 0
    backups: int = 0
    set_aside: int = 0
    kept: int = 0
    kept_in: tuple[str, ...] = ()
