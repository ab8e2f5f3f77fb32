"""Messages with author and place, on a platform or in an export."""

from dataclasses import dataclass, field, replace
from typing import Literal

from bot.errors import UserError

Address = Literal["", "direct", "mention", "reply", "thread"]
QuotationKind = Literal["reply", "excerpt", "forward"]


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


def find_place(name: str) -> Place:
    """Return the place of a name that `str` of a place gave."""
    platform, account, chat, thread = (*name.split("/", 3), "", "", "")[:4]
    return Place(platform, account, chat, thread)


@dataclass(frozen=True, slots=True)
class Author:
    """An author. The id is stable; the name is the one that they showed at the time."""

    id: str
    name: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of another author that came with a message.

    A "reply" is the message replied to, an "excerpt" the part of it that was selected, a "forward" a message
    that was passed on. `source` is the id of the quoted message, empty where that stands in another place.
    The author's id is empty for the bot's own words, and where the platform names nobody. The name is empty
    too where it does not tell which persona spoke.
    """

    kind: QuotationKind
    author: Author
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `id` is the platform's own, unique within its place; `time` is Unix seconds, UTC.

    `address` tells the way in which the message addressed the bot: a direct chat, a mention, a reply, a
    thread of its own, or none. `persona` is the key of the persona that wrote it, None for people. `text`
    holds the author's own words alone: `quotations` hold those of others. An `unread` message came with
    something that nobody here can read, such as a picture; `text` names it. `spoken` are the words of `text`
    in which a name may call a persona, None for all of them; memory does not keep it.
    """

    place: Place
    id: str
    author: Author
    text: str
    time: float
    address: Address = ""
    reply_to: str | None = None
    persona: str | None = field(default=None, kw_only=True)
    quotations: tuple[Quotation, ...] = field(default=(), kw_only=True)
    unread: bool = field(default=False, kw_only=True)
    spoken: str | None = field(default=None, kw_only=True, compare=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """The author's own words, and those of each quotation."""
        return (self.text, *(quotation.text for quotation in self.quotations))

    @property
    def characters(self) -> int:
        """The number of characters of the text and all quotations."""
        return sum(map(len, self.texts))

    @property
    def bytes(self) -> int:
        """The number of bytes of the text and all quotations in UTF-8."""
        return sum(len(text.encode("utf-8", "replace")) for text in self.texts)


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
