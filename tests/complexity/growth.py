"""How the count of steps grows with the text: at most 2.5 times for twice the text."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import Any

from tests.complexity.counting_regex import MANY, CountingPattern, TooManySteps
from tests.complexity.pattern_texts import hostile_texts, times_to_fill

MOST = 2.5
MOST_STEPS = 200  # a character; those of the program take at most 140
DEAREST = 10  # texts of a pattern that are counted with finite repeats in full
FAMILIES = 150  # of one pattern; of a pattern with more repeats every second or third is tried
FLOOR = 400  # steps that any text may take
ENDLESS = 400  # steps a character that no linear pattern takes
SIZED = frozenset((str, bytes, list, tuple))


@dataclass(frozen=True)
class PatternCost:
    """The largest growth of a pattern's steps, and the most steps a character, each with its text.

    The growth counts finite repeats as `SHORT` ones; the steps a character count them in full.
    """

    growth: float
    steep_text: str
    steps: float = 0.0
    dear_text: str = ""

    def check(self) -> None:
        assert self.growth <= MOST, f"grows {self.growth:.1f} times on {self.steep_text!r}"
        assert self.steps <= MOST_STEPS, f"{self.steps:.0f} steps a character on {self.dear_text!r}"


def pattern_cost(pattern: "re.Pattern[Any]", *, anchored: bool) -> PatternCost:
    """Count the steps of a pattern on all its hostile texts, and in full on those that cost the most."""
    counter, rows = CountingPattern(pattern), list[tuple[float, float, str]]()
    for small, large, long in families(pattern, 2, 4, times_to_fill(pattern)):
        try:
            counts = [counter.count(text, anchored=anchored, most=most(text)) for text in (small, large)]
        except TooManySteps:
            return PatternCost(float("inf"), small)
        rows.append((ratio(*counts), counts[1] / len(large), long))
        if rows[-1][0] > MOST:
            break
    growth, _, steep_text = max(rows, default=(0.0, 0.0, ""))
    dearest = sorted(rows, key=lambda row: row[1])[-DEAREST:]
    return PatternCost(growth, steep_text, *most_steps(pattern, [row[2] for row in dearest], anchored))


def most_steps(pattern: "re.Pattern[Any]", texts: list[str], anchored: bool) -> tuple[float, str]:
    """Return the most steps a character that a pattern takes on one of these texts, and the text."""
    counter = CountingPattern(pattern, longest=MANY)
    found = (0.0, "")
    for text in texts:
        try:
            steps = counter.count(text, anchored=anchored, most=most(text))
        except TooManySteps:
            return float("inf"), text
        found = max(found, (steps / len(text), text))
    return found


def most(text: str) -> int:
    return 10_000 + ENDLESS * len(text)


def families(pattern: "re.Pattern[Any]", *times: int) -> list[tuple[str, ...]]:
    """Return hostile texts of a pattern, each in several lengths; of very many, every second or third."""
    found = [*dict.fromkeys(zip(*(hostile_texts(pattern, each) for each in times), strict=True))]
    return found[:: 1 + len(found) // FAMILIES]


def ratio(small: int, large: int) -> float:
    return large / max(small, 1) if large > FLOOR else 1.0


@dataclass(frozen=True)
class Work:
    """What a call costs: lines of our own code, and items of the values that these lines make."""

    lines: int
    items: int


def growth(one: Work, other: Work) -> float:
    """Return how many times more work the other call is."""
    return max(ratio(one.lines, other.lines), ratio(one.items, other.items))


def count_work(call: Callable[[], object]) -> Work:
    """Count the lines of our own code that a call runs, and the lengths of the texts and lists they make."""
    counter = _WorkCounter()
    before = sys.gettrace()
    sys.settrace(counter.trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return Work(counter.lines, counter.items)


class _WorkCounter:
    """Sees each value once: as an argument, as a variable or as a result of our own functions."""

    def __init__(self) -> None:
        self.lines = self.items = 0
        self._seen: dict[int, object] = {}  # values by id, kept so that no id is given again

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        """Follow a frame of our own code line by line; no other."""
        return self._follow(frame, event, argument) if is_own(frame.f_code.co_filename) else None

    def _follow(self, frame: FrameType, event: str, argument: object) -> Any:
        seen = self._seen
        if event == "line":
            self.lines += 1
            values = [*frame.f_locals.values()]
        else:
            values = [*frame.f_locals.values(), argument]
        for value in values:
            if type(value) in SIZED and id(value) not in seen and len(value) > 1:  # type: ignore[arg-type]
                seen[id(value)] = value
                self.items += len(value)  # type: ignore[arg-type]
        return self._follow


@cache
def is_own(path: str) -> bool:
    if path.endswith("bot/sized_cache.py"):
        return False  # what it drops depends on earlier tests; each entry is dropped once
    return "/tests/" not in path and ("/bot/" in path or "/training/" in path)


def texts_of(size: int) -> Iterator[str]:
    """Yield hostile texts: repeats of delimiters and classes, alone, in pairs, nested and in one line."""
    marks = "`*_~|\\#>-+:.,;!?@/()[]{}<>\"'\n \t=&%$^0a座é\u0301\u200d\U0001f600\r\x1b"
    yield from (mark * size for mark in marks)
    yield from (mark * 3 + "a " * size for mark in "`*_~|>")
    yield from (
        f"{first}{second}" * size
        for first, second in ("*_", "`a", "`\n", "[(", "<a", "a@", "1.", "\n-", "a\n")
    )
    yield from (opening * size + closing * size for opening, closing in ("()", "[]", "{}", "<>", "**", "``"))
    yield "a" + "\u0301" * size
    yield "```\n" * size
    yield "`" * size + "a" + "``" * size
    yield "http://a.bc/" * size
    yield "a1@b2.cd " * size
    yield "word " * size
    yield from block_texts(size)


OPENINGS = (  # of a block that a later line ends, or that takes the lines behind it
    *("> ", ">", ">> ", "> > ", ">>> ", "# ", "#### ", "-# ", "- ", "1. ", "```a", "~~~", "~~~a", "> ~~~a"),
    *("> ```", "a ```", "    a", "| ", "| a |", "|-|", "***", "[a]: ", "<a>", "Ana: ", "[In reply to "),
)


def block_texts(size: int) -> Iterator[str]:
    """Yield texts of lines that each open a block which nothing ends; fences of many lengths."""
    yield from (f"{opening}\n" * size for opening in OPENINGS)
    yield from (f"{opening}\n\na\n" * (size // 2) for opening in OPENINGS)
    yield "\n".join(f"{'~' * length}a" for length in range(3 + int(size**0.5), 2, -1)) + "\n~~~b" * size
