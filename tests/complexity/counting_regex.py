"""A matcher of regular expressions that backtracks as the standard library's does, and counts its steps.

It reads the parsed pattern (`re._parser`, as seen in Python 3.11). Finite repeats are shortened to four
rounds: they multiply the work by a constant, and a constant is no power. Equal texts give equal counts.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

SHORT = 4  # rounds of a finite repeat
Go = Callable[[int], bool]


class TooManySteps(Exception):
    """The count passed the end of what a linear pattern takes."""


@lru_cache(maxsize=100_000)
def in_category(name: str, character: str, ascii_only: bool) -> bool:
    sign = {"SPACE": r"\s", "DIGIT": r"\d", "WORD": r"\w"}[name.split("_")[-1]]
    found = re.match(sign, character, re.ASCII if ascii_only else 0) is not None
    return found != ("_NOT_" in name)


@dataclass
class CountingMatcher:
    """Counts the steps of one pattern on one text."""

    items: Any  # the parsed pattern
    flags: int
    text: str
    most: int = 10**7
    steps: int = 0
    groups: dict[int, tuple[int, int]] = field(default_factory=dict)

    def scan(self, *, anchored: bool, whole: bool = False) -> int:
        """Find every match, or the one at the start, and return the number of steps."""
        start = 0
        while start <= len(self.text):
            ends: list[int] = []

            def note(at: int, ends: list[int] = ends) -> bool:
                ends.append(at)
                return not whole or at == len(self.text)

            self.groups = {}
            found = self._sequence(list(self.items), 0, start, note)
            if anchored:
                break
            start = max(ends[-1], start + 1) if found else start + 1
        return self.steps

    def _step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > self.most:
            raise TooManySteps

    def _sequence(self, items: list[Any], index: int, at: int, go: Go) -> bool:
        self._step()
        if index == len(items):
            return go(at)
        operation, value = items[index]

        def rest(after: int) -> bool:
            return self._sequence(items, index + 1, after, go)

        if self._is_single(operation):
            return self._fits(operation, value, at) and rest(at + 1)
        if operation in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            return self._repeat(operation, value, at, rest)
        if operation is c.SUBPATTERN:
            return self._group(value, at, rest)
        if operation is c.BRANCH:
            return any(self._sequence(list(branch), 0, at, rest) for branch in value[1])
        if operation is c.ATOMIC_GROUP:
            return self._atomic(list(value), at, rest)
        if operation in (c.ASSERT, c.ASSERT_NOT):
            return self._looks(value, at) == (operation is c.ASSERT) and rest(at)
        if operation is c.AT:
            return self._at(value, at) and rest(at)
        if operation is c.GROUPREF_EXISTS:
            number, yes, no = value
            return self._sequence(list(yes if number in self.groups else no or ()), 0, at, rest)
        if operation is c.GROUPREF:
            start, end = self.groups.get(value, (0, -1))
            size = end - start
            self._step(max(size, 0))
            return size >= 0 and self.text[at : at + size] == self.text[start:end] and rest(at + size)
        raise AssertionError(f"{operation} is not known: teach it to this matcher")

    def _is_single(self, operation: Any) -> bool:
        return operation in (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN)

    def _fits(self, operation: Any, value: Any, at: int) -> bool:
        self._step()
        if at >= len(self.text):
            return False
        character = self.text[at]
        if operation is c.ANY:
            return bool(self.flags & re.DOTALL) or character != "\n"
        if operation is c.IN:
            return self._in(value, character)
        same = character == chr(value) or (
            bool(self.flags & re.IGNORECASE) and character.lower() == chr(value).lower()
        )
        return same == (operation is c.LITERAL)

    def _in(self, members: Any, character: str) -> bool:
        forms = {character}
        if self.flags & re.IGNORECASE:
            forms |= {character.lower(), character.upper()}
        negated, found = False, False
        for operation, value in members:
            if operation is c.NEGATE:
                negated = True
            elif operation is c.LITERAL:
                found = found or chr(value) in forms
            elif operation is c.RANGE:
                found = found or any(len(f) == 1 and value[0] <= ord(f) <= value[1] for f in forms)
            else:
                found = found or in_category(str(value), character, bool(self.flags & re.ASCII))
        return found != negated

    def _repeat(self, operation: Any, value: Any, at: int, go: Go) -> bool:
        least, most, body = value
        least = min(int(least), SHORT)
        limit = len(self.text) + 1 if most is c.MAXREPEAT else max(least, min(int(most), SHORT))
        if len(body) == 1 and self._is_single(body[0][0]):
            return self._repeat_single(operation, body[0], at, least, limit, go)
        if operation is c.POSSESSIVE_REPEAT:
            ends: list[int] = []
            self._rounds(list(body), at, 0, least, limit, lambda end: (ends.append(end), True)[1], lazy=False)
            return bool(ends) and go(ends[-1])
        return self._rounds(list(body), at, 0, least, limit, go, lazy=operation is c.MIN_REPEAT)

    def _repeat_single(self, operation: Any, item: Any, at: int, least: int, limit: int, go: Go) -> bool:
        if operation is c.MIN_REPEAT:
            for count in range(limit + 1):
                if count >= least and go(at + count):
                    return True
                if not self._fits(*item, at + count):
                    return False
            return False
        count = 0
        while count < limit and self._fits(*item, at + count):
            count += 1
        if operation is c.POSSESSIVE_REPEAT:
            return count >= least and go(at + count)
        return any(go(at + length) for length in range(count, least - 1, -1))

    def _rounds(
        self, body: list[Any], at: int, done: int, least: int, limit: int, go: Go, *, lazy: bool
    ) -> bool:
        def more() -> bool:
            return done < limit and self._sequence(
                body,
                0,
                at,
                lambda end: (
                    (end > at or done < least)
                    and self._rounds(body, end, done + 1, least, limit, go, lazy=lazy)
                ),
            )

        if done < least:
            return more()
        return (go(at) or more()) if lazy else (more() or go(at))

    def _group(self, value: Any, at: int, go: Go) -> bool:
        number, added, removed, body = value
        before, old = self.flags, self.groups.get(number)
        self.flags = (before | added) & ~removed

        def end(after: int) -> bool:
            inner, self.flags = self.flags, before
            if number is not None:
                self.groups[number] = (at, after)
            found = go(after)
            self.flags = inner
            return found

        found = self._sequence(list(body), 0, at, end)
        self.flags = before
        if not found and number is not None:
            self.groups.pop(number, None)
            if old is not None:
                self.groups[number] = old
        return found

    def _atomic(self, body: list[Any], at: int, go: Go) -> bool:
        ends: list[int] = []
        return self._sequence(body, 0, at, lambda end: (ends.append(end), True)[1]) and go(ends[-1])

    def _looks(self, value: Any, at: int) -> bool:
        direction, body = value
        start = at if direction > 0 else at - body.getwidth()[0]
        return start >= 0 and self._sequence(list(body), 0, start, lambda end: True)

    def _at(self, where: Any, at: int) -> bool:
        text, name = self.text, str(where)
        if name.startswith("AT_BEGINNING"):
            line = name.endswith("LINE") or bool(self.flags & re.MULTILINE and name == "AT_BEGINNING")
            return at == 0 or (line and text[at - 1] == "\n")
        if name in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            sides = [
                0 <= place < len(text)
                and in_category("CATEGORY_WORD", text[place], bool(self.flags & re.ASCII))
                for place in (at - 1, at)
            ]
            return (sides[0] != sides[1]) == (name == "AT_BOUNDARY")
        line = bool(self.flags & re.MULTILINE) and name == "AT_END"
        is_last = at == len(text) or (name == "AT_END" and at == len(text) - 1 and text[at] == "\n")
        return is_last or (line and text[at] == "\n")


def parsed(pattern: "re.Pattern[Any]") -> Any:
    return parser.parse(
        pattern.pattern, pattern.flags & ~(re.UNICODE if isinstance(pattern.pattern, bytes) else 0)
    )


def count_steps(pattern: "re.Pattern[Any]", text: str, *, anchored: bool, most: int) -> int:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        return CountingMatcher(parsed(pattern), pattern.flags, text, most).scan(anchored=anchored)
    finally:
        sys.setrecursionlimit(before)
