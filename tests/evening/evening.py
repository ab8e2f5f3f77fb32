"""What people saw of a hostile evening, and what they should not have seen."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.store import Memory

GROUPS = 5  # places beside the direct ones
# marks that a model writes and Telegram shows as formats; those that people typed by hand are left out
_RAW = re.compile(r"\*\*bold\*\*|\*slanted\*|`code|```py|\[page\]\(")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_OWN = re.compile(r"^(?:\*\*|\[)?Mara(?:\*\*|\])?:", re.MULTILINE)
_QUOTE = re.compile(r"^\[(?:In reply to|Forwarded)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Evening:
    """Counts of an evening, and examples of what should not have been seen."""

    messages: int
    lost: int
    answers: int
    raw_marks: tuple[str, ...]
    foreign: tuple[str, ...]
    pings: tuple[str, ...]
    blank: int


async def count_lost(memory: Memory, patience: float = 30.0) -> int:
    """Return how many messages and parts are still unanswered and unsent after so many seconds."""
    left, until = 1, time.monotonic() + patience
    while left and time.monotonic() < until:
        await asyncio.sleep(0.1)
        status = await memory.status()
        left = status.inbox.get("accepted", 0) + status.unsent
    return left


def judge(
    messages: int, lost: int, texts: Sequence[str], pings: Sequence[str], lines: set[str], *, marks: bool
) -> Evening:
    """Return what people saw; with `marks`, the platform reads Markdown itself.

    `lines` are people's lines as prompts had them: none may be seen as a persona's.
    """
    raw = () if marks else tuple(text for text in texts if _RAW.search(text))
    foreign = tuple(text for text in texts if _is_foreign(text.replace("\u2060", ""), lines))
    blank = sum(not text.strip("\u200b\u2800\u2060 \n") for text in texts)
    return Evening(messages, lost, len(texts), raw, foreign, tuple(pings), blank)


def _is_foreign(text: str, lines: set[str]) -> bool:
    """Return whether a text has a line of somebody else, the persona's own label, or a quote of prompts."""
    text = _FENCE.sub("", text)  # code stays as it was written
    has_line = any(line.rstrip() in lines for line in text.splitlines())
    return has_line or bool(_OWN.search(text) or _QUOTE.search(text))
