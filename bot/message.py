"""What was said, by whom, where: on a platform or in an export."""

from dataclasses import dataclass, field, replace
from typing import Literal

from bot.errors import UserError

Address = Literal["", "direct", "mention", "reply", "thread"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where people talk, and the key of all memory: nothing said in one place is ever read in another.

    The server it belongs to is no part of the key: it only lends its settings.
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
    """Somebody who speaks. The id is stable; the name is whatever they show at the time."""

    id: str
    name: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said. `id` is the platform's own, unique within its place; `time` is Unix seconds, UTC.

    `address` says how the message turned to the bot: in a direct chat, by mention, by reply, in a
    thread of its own, or not at all.
    `persona` names the persona that said it, where one did.
    """

    place: Place
    id: str
    author: Author
    text: str
    time: float
    address: Address = ""
    reply_to: str | None = None
    persona: str | None = field(default=None, kw_only=True)


def moved(message: Message, place: Place) -> Message:
    """A message as it is known once its chat goes on in another place, which counts its messages anew."""
    return replace(message, place=place, id=f"{message.place.chat}:{message.id}")


def check_text(text: str, limit: int) -> str:
    """Return a text that may be stored and shown to a model; raise `UserError` saying what is wrong."""
    if not text.strip():
        raise UserError("The message is empty: write at least one word.")
    if len(text) > limit:
        raise UserError(f"The message has {len(text):,} characters; at most {limit:,} fit. Send it in parts.")
    if "\x00" in text:
        raise UserError("The message contains a NUL byte: remove it and send the text again.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UserError("The message is not valid Unicode (a lone surrogate): send it again as UTF-8 text.")
    return text
