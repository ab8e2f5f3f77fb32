"""Hostile texts for a pattern, made from its own parts: what it repeats is repeated, and then fails."""

import re
from collections.abc import Iterator
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from tests.complexity.character_tests import CharacterTest
from tests.complexity.counting_regex import REPEATS, parsed


def sample(operation: Any, value: Any, flags: int) -> str:
    """Return a text that a part of a pattern matches: the first of each choice, as few rounds as it takes."""
    if operation is c.LITERAL:
        return chr(value)
    if operation in (c.NOT_LITERAL, c.ANY):
        return "~" if operation is c.ANY or value != ord("~") else "+"
    if operation is c.IN:
        return next(iter(members(value)), "~")
    if operation in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
        rounds = min(max(int(value[0]), 1), 40)
        return "".join(sample(*item, flags) for item in value[2]) * rounds
    if operation is c.SUBPATTERN:
        return "".join(sample(*item, flags) for item in value[3])
    if operation is c.ATOMIC_GROUP:
        return "".join(sample(*item, flags) for item in value)
    if operation is c.BRANCH:
        return "".join(sample(*item, flags) for item in value[1][0])
    if operation is c.GROUPREF_EXISTS:
        return "".join(sample(*item, flags) for item in value[1])
    return ""


CANDIDATES = "a1 _-.:/@Z\n\t,;!?()[]{}<>\"'`*+=#~|\\^$%&0x9e座é\u0301\u200d"


def members(value: Any) -> list[str]:
    """Return some characters of a class: its literals, the ends of its ranges, and common ones."""
    fits = CharacterTest(c.IN, value, 0)
    literals = [chr(v) for operation, v in value if operation is c.LITERAL]
    ranges = [chr(v[0]) for operation, v in value if operation is c.RANGE]
    return [each for each in dict.fromkeys((*literals, *ranges, *CANDIDATES)) if fits[each]]


def pumps(items: Any, flags: int, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield (text before, text to repeat) for each repeat of a pattern, however deep, with its choices."""
    for operation, value in items:
        if operation in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            body = value[2]
            yield before, sample(operation, (1, 1, body), flags)
            if len(body) == 1 and body[0][0] is c.IN:
                yield from ((before, each) for each in members(body[0][1])[:4])
            yield from pumps(body, flags, before)
        elif operation is c.SUBPATTERN:
            yield from pumps(value[3], flags, before)
        elif operation is c.ATOMIC_GROUP:
            yield from pumps(value, flags, before)
        elif operation is c.BRANCH:
            for branch in value[1]:
                yield from pumps(branch, flags, before)
                yield before, "".join(sample(*item, flags) for item in branch)
        elif operation in (c.ASSERT, c.ASSERT_NOT):
            yield from pumps(value[1], flags, before)
        before += sample(operation, value, flags)


def hostile_texts(pattern: "re.Pattern[Any]", times: int) -> Iterator[str]:
    """Yield texts of `times` some 24 characters: all that the pattern repeats, in many surroundings."""
    items = parsed(pattern)
    whole = "".join(sample(*item, pattern.flags) for item in items)
    found = dict.fromkeys(pumps(items, pattern.flags))
    for before, pump in [*found, ("", whole)]:
        if pump:
            for prefix in dict.fromkeys((before, "")):
                for suffix in ("", "\x01", "\n\x01"):
                    yield prefix + pump * rounds(pump, times) + suffix
    for before, pump in found:
        if before:
            yield before * rounds(before, times)
            yield (before + pump) * rounds(before + pump, times) + "\x01"
    repeats = list(dict.fromkeys(pump for _, pump in found if pump))[:4]
    for first in repeats:
        for second in repeats:
            if first != second:
                yield (first + second) * rounds(first + second, times)
                yield first * rounds(first, times) + second * rounds(second, times) + "\x01"


def times_to_fill(pattern: "re.Pattern[Any]") -> int:
    """Return how often some 24 characters fill the longest finite repeat of a pattern twice."""
    return max(8, max(finite_repeats(parsed(pattern)), default=0) // 12)


def finite_repeats(part: Any) -> Iterator[int]:
    """Yield the most rounds of each finite repeat in a part of a parsed pattern."""
    is_repeat = isinstance(part, tuple) and part and any(part[0] is each for each in REPEATS)
    if is_repeat and part[1][1] is not c.MAXREPEAT:
        yield int(part[1][1])
    if isinstance(part, tuple | list | parser.SubPattern):
        for each in part:
            yield from finite_repeats(each)


def rounds(pump: str, times: int) -> int:
    return times * max(4, 24 // len(pump))
