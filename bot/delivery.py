"""From the model's words to sent messages: tidied, split, shown while they come, sent once."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.memory.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona

# from the best place to split to the worst: behind a paragraph, a line, a sentence, a word
_SEAMS = [re.compile(seam) for seam in (r"\n{2,}", r"\n", r"[.!?…][\"'”’)]*\s+|[。！？]", r"\s+")]


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


def tidy(text: str, name: str) -> str:
    """An answer without the speaker's own name before it and without blank ends.

    Of an unfinished answer it gives what can be shown: nothing yet, where it may still become the name.
    """
    text = text.strip()
    label = f"{name}:"
    if label.casefold().startswith(text.casefold()):
        return ""
    return text[len(label) :].strip() if text.casefold().startswith(label.casefold()) else text


def split(text: str, limit: int | None, measure: Callable[[str], int] = len) -> tuple[str, ...]:
    """Parts of at most `limit` units that joined give the text, cut at the best seam of their latter half."""
    if limit is None or measure(text) <= limit:
        return (text,)
    parts: list[str] = []
    while measure(text) > limit:
        end = _fitting(text, limit, measure)
        cut = _seam(text[:end])
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


async def deliver(memory: Memory, outlet: Outlet, outgoing: Outgoing, persona: Persona | None) -> None:
    """Send one part: noted before, so that a restart knows it may be out, and after, with its id."""
    await memory.sending(outgoing.key)
    await memory.sent(outgoing.key, await outlet.send(outgoing, persona))
