"""A command's description, and one call of it with the rights of its caller."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bot.chat.chat import Chat
from bot.chat.commands.names import find_choice
from bot.memory.store import Memory
from bot.message import Author, Place


class Level(IntEnum):
    """The rights of a caller in a place, as its platform and the settings say at the time of the call."""

    MEMBER = 0
    ADMIN = 1
    OWNER = 2


@dataclass(frozen=True, slots=True)
class CommandCall:
    """One call of a command: by a user with a level, in a place, with the options given by name.

    `tell` shows a sentence at once, before what the command makes a persona say; None where the platform
    shows a command's text by itself.
    """

    chat: Chat
    memory: Memory
    place: Place
    user: Author
    level: Level
    options: Mapping[str, str] = field(default_factory=dict)
    tell: Callable[[str], None] | None = None

    def option(self, name: str) -> str:
        """Return an option's value, empty where the option was left out."""
        return self.options.get(name, "").strip()

    def shown_first(self, text: str) -> str:
        """Show a text now where the platform can, and return the text that is left to show."""
        if self.tell is None:
            return text
        self.tell(text)
        return ""

    @property
    def is_for_server(self) -> bool:
        """True where the call is about the whole server. Raises `UserError` for an unknown "where"."""
        typed = self.option("where")
        return bool(typed) and find_choice("place", typed, PLACES) == "server"


Spellings = Mapping[str, tuple[str, ...]]  # what a value is also called, by value
Choices = Callable[[Chat, Mapping[str, str]], Spellings]  # given the command's other options
# words for the whole server and for the place of the call; behind a typed name, which may have any end, few
PLACES_BEHIND_NAMES: Spellings = {"here": (), "server": ("guild",)}
PLACES: Spellings = {
    "here": ("this chat", "this channel", "this thread", "chat", "channel", "thread"),
    "server": ("this server", "the server", "whole server", "the whole server", "guild"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command; `choices` gives the values to propose, on platforms that propose values.

    In a typed line a verbatim option takes all that follows as it stands, and one with `endings` the last
    word, where the word is one of these.
    """

    name: str
    help: str
    required: bool = False
    choices: Choices | None = None
    endings: Spellings = field(default_factory=dict)
    is_verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command as people see it, and its function, which returns the text to show (empty: none).

    Callers below `level` are refused. A `public` result is shown to everybody in the place, any other to the
    caller alone.
    """

    name: str
    help: str
    run: Callable[[CommandCall], Awaitable[str]]
    options: tuple[Option, ...] = ()
    level: Level = Level.MEMBER
    public: bool = False

    @property
    def usage(self) -> str:
        """The command line, with optional values in brackets."""
        words = (option.name if option.required else f"[{option.name}]" for option in self.options)
        return " ".join((f"/{self.name}", *words))
