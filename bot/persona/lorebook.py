"""Lorebooks: texts that join a prompt where their keys are said. A card holds one, or a file beside it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.persona.card_fields import clean_text

Role = Literal["system", "user", "assistant"]
Logic = Literal["any", "not all", "not any", "all"]
LOGICS: tuple[Logic, ...] = ("any", "not all", "not any", "all")  # by their number in SillyTavern
ROLES: tuple[Role, ...] = ("system", "user", "assistant")  # the same
MAX_ENTRIES = 2000
MAX_KEYS = 5000  # of a book
MAX_KEY = 100  # characters
MAX_CONTENT = 100_000  # characters of an entry
MAX_SCAN_DEPTH = 100  # messages
MAX_DEPTH = 1000  # messages
SCAN_DEPTH = 4  # messages, where a book names no number
DEPTH = 4  # messages behind a text at a depth, where none is named


@dataclass(frozen=True, slots=True)
class DepthPrompt:
    """A text of the card that stands before the newest `depth` messages of every prompt."""

    text: str
    depth: int = DEPTH
    role: Role = "system"


@dataclass(frozen=True, slots=True)
class LoreEntry:
    """A text, and what puts it in a prompt: it is constant, or a key stands in the newest messages.

    With `secondary` keys, `logic` says how many of these must stand there too; none of `excluded` may. An
    entry with a `depth` stands before that many messages. `order` says where an entry stands among others,
    the largest last; if room is short, the entries of the least `priority` go.
    """

    content: str
    keys: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    logic: Logic = "any"
    constant: bool = False
    case_sensitive: bool = False
    whole_words: bool = True
    order: float = 100
    priority: float = 0
    after_card: bool = False  # a constant entry stands behind the card's texts, not before them
    depth: int | None = None
    role: Role = "system"
    scan_depth: int = SCAN_DEPTH  # newest messages that are read for keys
    recursive: bool = False  # keys in the text of other entries count too


@dataclass(frozen=True, slots=True)
class Lorebook:
    """Entries in the order of prompts; `left_out` has the reasons of unusable ones, one for each.

    `token_budget` is what all entries of a prompt may have; 0 leaves it to the prompt.
    """

    entries: tuple[LoreEntry, ...] = ()
    token_budget: int = 0
    left_out: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries or self.left_out)

    def __str__(self) -> str:
        constant = sum(entry.constant for entry in self.entries)
        noun = "entry" if len(self.entries) == 1 else "entries"
        parts = [f"{len(self.entries):,} {noun}, {constant:,} of them constant"]
        if self.left_out:
            reasons = ", ".join(f"{reason} ({count:,})" for reason, count in Counter(self.left_out).items())
            parts.append(f"{len(self.left_out):,} left out: {reasons}")
        return "; ".join(parts)


def join_books(books: Iterable[Lorebook]) -> Lorebook:
    """Return one book with the entries of all; each book's own budget adds to the whole one."""
    filled = [book for book in books if book]
    if len(filled) == 1:
        return filled[0]
    return Lorebook(
        tuple(sorted((entry for book in filled for entry in book.entries), key=lambda entry: entry.order)),
        sum(book.token_budget for book in filled) if all(book.token_budget for book in filled) else 0,
        tuple(reason for book in filled for reason in book.left_out),
    )


def read_depth_prompt(extensions: Mapping[str, Any]) -> DepthPrompt | None:
    """Return the prompt at a depth from a card's extensions; None for one without a text."""
    value = extensions.get("depth_prompt")
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, dict) or not isinstance(value.get("prompt"), str) or not value["prompt"].strip():
        return None
    depth, role = bounded_number(value.get("depth"), DEPTH, MAX_DEPTH), value.get("role")
    return DepthPrompt(clean_text(value["prompt"])[:MAX_CONTENT], depth, read_role(role))


def read_role(value: object) -> Role:
    """Return a role by its name or by its number in SillyTavern; "system" for any other value."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(ROLES):
        return ROLES[value]
    return next(
        (role for role in ROLES if isinstance(value, str) and role == value.strip().lower()), "system"
    )


def bounded_number(value: object, default: int, most: int) -> int:
    """Return a whole number from 0 to `most`; the default for what is none. Digits in a text are a number."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        return default
    return min(int(value), most)
