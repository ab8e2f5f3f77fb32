"""How the count of steps grows with the text: at most 2.5 times for twice the text."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any

from tests.complexity.counting_regex import CountingPattern, TooManySteps
from tests.complexity.pattern_texts import hostile_texts

MOST = 2.5
FAMILIES = 150  # of one pattern; of a pattern with more repeats every second or third is tried
FLOOR = 400  # steps that any text may take
ENDLESS = 400  # steps a character that no linear pattern takes
SIZED = frozenset((str, bytes, list, tuple))


def worst_growth(pattern: "re.Pattern[Any]", *, anchored: bool) -> tuple[float, str]:
    """Return the largest growth over all hostile texts of a pattern, and the text."""
    worst, where = 0.0, ""
    counter = CountingPattern(pattern)
    for texts in families(pattern, 2, 4):  # a repeat that has an end grows steeply up to it
        try:
            counts = [
                counter.count(text, anchored=anchored, most=10_000 + ENDLESS * len(text)) for text in texts
            ]
        except TooManySteps:
            return float("inf"), texts[0]
        if (growth := ratio(*counts)) > worst:
            worst, where = growth, texts[0]
        if worst > MOST:
            break
    return worst, where


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
        if not is_own(frame.f_code):
            return None
        self.lines += event == "line"
        for value in frame.f_locals.values():
            self._see(value)
        self._see(argument)
        return self.trace

    def _see(self, value: object) -> None:
        if type(value) in SIZED and len(value) > 8 and id(value) not in self._seen:
            self._seen[id(value)] = value
            self.items += len(value)


@cache
def is_own(code: CodeType) -> bool:
    return "/bot/" in code.co_filename or "/training/" in code.co_filename


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
