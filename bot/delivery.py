"""From the model's words to sent messages: tidied, split, shown while they come, sent once."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.memory.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona

# from the best place to split to the worst: behind a paragraph, a line, a sentence, a word
_SEAMS = [re.compile(seam) for seam in (r"\n{2,}", r"\n", r"[.!?…][\"'”’)]*\s+|[。！？][”’」』）]*", r"\s+")]
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of these letters make a flag


class Outlet(Protocol):
    """A platform as answers see it."""

    @property
    def limit(self) -> int | None:
        """The longest message it takes, in its own units; None for no limit."""

    def measure(self, text: str) -> int:
        """The length of a text in the platform's own units."""

    def typing(self, place: Place, persona: Persona) -> AbstractAsyncContextManager[None]:
        """Show that an answer is being made, for as long as the context lasts."""

    async def show(self, place: Place, persona: Persona, text: str) -> None:
        """Show the answer so far; the text only grows."""

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Say one part for good, or a notice (no persona); returns the platform's message id, if any."""


def tidy(text: str, name: str, *, whole: bool = False) -> str:
    """An answer without the speaker's own name before it and without blank ends.

    Of one that is not `whole`, what can be shown: nothing yet, where it may still become the name.
    """
    text, name = text.strip(), name.casefold()
    if not whole and name.startswith(text.casefold()):
        return ""
    # what folds to the name may be shorter than it: "ß" folds to "ss"
    end = next((end for end in range(len(name) + 1) if text[:end].casefold() == name), len(text))
    return text[end + 1 :].strip() if text[end : end + 1] in (":", "：") else text


def split(text: str, limit: int | None, measure: Callable[[str], int] = len) -> tuple[str, ...]:
    """Parts of at most `limit` units that joined give the text, cut at the best seam of their latter half."""
    if limit is None or measure(text) <= limit:
        return (text,)
    parts: list[str] = []
    while len(text) > 1 and measure(text) > limit:
        end = _fitting(text, limit, measure)
        cut = _unbroken(text, _seam(text[:end]))
        parts.append(text[:cut])
        text = text[cut:]
    return (*parts, text)


def _fitting(text: str, limit: int, measure: Callable[[str], int]) -> int:
    """How many characters fit; at least one."""
    low, high = 1, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= limit else (low, middle - 1)
    return low


def _seam(text: str) -> int:
    for seam in _SEAMS:
        ends = [match.end() for match in seam.finditer(text)]
        if ends and ends[-1] > len(text) // 2:
            return ends[-1]
    return len(text)


def _unbroken(text: str, cut: int) -> int:
    """The nearest cut, not behind this one, that breaks no visible character; else this one."""
    return next((at for at in range(cut, 0, -1) if not _joined(text, at)), cut)


def _joined(text: str, at: int) -> bool:
    """Whether the characters on both sides show as one: marks, joined emoji, skin tones, flags, line ends."""
    before, after = text[at - 1], text[at]
    return (
        unicodedata.category(after)[0] == "M"
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or (before, after) == ("\r", "\n")
        or (after in _FLAGS and (at - len(text[:at].rstrip(_FLAGS))) % 2 == 1)
    )


async def deliver(memory: Memory, outlet: Outlet, outgoing: Outgoing, persona: Persona | None) -> None:
    """Send one part: noted before, so that a restart knows it may be out, and after, with its id."""
    await memory.sending(outgoing.key)
    await memory.sent(outgoing.key, await outlet.send(outgoing, persona))
