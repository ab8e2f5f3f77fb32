"""Messages with author and place, on a platform or in an export."""

from dataclasses import dataclass, field, replace
from typing import Literal

from bot.errors import UserError

Address = Literal["", "direct", "mention", "reply", "thread"]


@dataclass(frozen=True, slots=True)
class Place:
    """A chat or thread: the key of all memory. No message of one place is ever read in another.

    The server is no part of the key; it only lends its settings.
    """

    platform: str
    account: str
    chat: str
    thread: str = ""
    server: str = field(default="", compare=False, kw_only=True)

    def __str__(self) -> str:
        return "/".join(filter(None, (self.platform, self.account, self.chat, self.thread)))


@dataclass(frozen=True, slots=True)
class Author:
    """An author. The id is stable; the name is the one that they showed at the time."""

    id: str
    name: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `id` is the platform's own, unique within its place; `time` is Unix seconds, UTC.

    `address` tells the way in which the message addressed the bot: a direct chat, a mention, a reply, a
    thread of its own, or none. `persona` is the key of the persona that wrote it, None for people.
    """

    place: Place
    id: str
    author: Author
    text: str
    time: float
    address: Address = ""
    reply_to: str | None = None
    persona: str | None = field(default=None, kw_only=True)


def message_in_place(message: Message, place: Place) -> Message:
    """Return a message of a chat that moved to another place, where ids begin anew: its id gets a prefix."""
    return replace(message, place=place, id=f"{message.place.chat}:{message.id}")


def check_text(text: str, limit: int) -> str:
    """Return a text that may be stored and prompted. Raises `UserError` with the fault."""
    if not text.strip():
        raise UserError("The message is empty: write at least one word.")
    if len(text) > limit:
        raise UserError(f"The message has {len(text):,} characters; at most {limit:,} fit. Send it in parts.")
    if "\x00" in text:
        raise UserError("The message contains a NUL byte: remove it and send the text again.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError("The message is not valid Unicode (a lone surrogate): send it again as UTF-8 text.")
    return text
