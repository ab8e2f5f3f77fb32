"""A command's description, and one call of it with the rights of its caller."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bot.chat.chat import Chat
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place


class Level(IntEnum):
    """The rights of a caller in a place, as its platform and the settings say at the time of the call."""

    MEMBER = 0
    ADMIN = 1
    OWNER = 2


@dataclass(frozen=True, slots=True)
class CommandCall:
    """One call of a command: by a user with a level, in a place, with the options given by name."""

    chat: Chat
    memory: Memory
    place: Place
    user: Author
    level: Level
    options: Mapping[str, str] = field(default_factory=dict)

    def option(self, name: str) -> str:
        """Return an option's value, empty where the option was left out."""
        return self.options.get(name, "").strip()

    @property
    def is_for_server(self) -> bool:
        """True where the call is about the whole server. Raises `UserError` for an unknown "where"."""
        if self.option("where") not in ("", "here", "server"):
            raise UserError(f'{self.option("where")!r} is neither "here" nor "server".')
        return self.option("where") == "server"


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command; `choices` gives the values to propose, on platforms that propose values."""

    name: str
    help: str
    required: bool = False
    choices: Callable[[Chat], tuple[str, ...]] | None = None


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
