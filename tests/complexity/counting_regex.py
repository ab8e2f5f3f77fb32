"""A matcher of regular expressions that backtracks as the standard library's does, and counts its steps.

It turns the parsed pattern (`re._parser`, as seen in Python 3.11) into functions, one a part, that each try
the rest of the pattern behind them. Equal texts give equal counts.
"""

import re
import sys
from collections.abc import Callable, Sequence
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from tests.complexity.character_tests import END, CharacterTest, holds_at

SHORT = 4  # rounds of a finite repeat, where only the growth is asked for: a constant is no power
MANY = 10**7
REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)
SINGLES = (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN)
Go = Callable[[int], bool]  # tries the rest of a pattern at an index of the text


class TooManySteps(Exception):
    """The count passed the end of what a linear pattern takes."""


def parsed(pattern: "re.Pattern[Any]") -> Any:
    is_bytes = isinstance(pattern.pattern, bytes)
    return parser.parse(pattern.pattern, pattern.flags & ~(re.UNICODE if is_bytes else 0))


class CountingPattern:
    """Counts the steps of a pattern on texts. Finite repeats are cut to `longest` rounds."""

    def __init__(self, pattern: "re.Pattern[Any]", longest: int = SHORT) -> None:
        items = list(parsed(pattern))
        self._longest, self._refers = longest, "GROUPREF" in repr(items)
        self._text, self._characters, self._end = "", [END], 0
        self._steps = self._most = 0
        self._groups: dict[int, tuple[int, int]] = {}
        self._start = self._sequence(items, pattern.flags, self._finish)

    def count(self, text: str, *, anchored: bool, most: int = MANY) -> int:
        """Find every match, or the one at the start, and return the number of steps."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(50_000)
        try:
            self._scan(text, anchored, most)
        finally:
            sys.setrecursionlimit(before)
        return self._steps

    def match_end(self, text: str) -> int | None:
        """Return the end of the match at the start of a text, None without one."""
        self._read(text, MANY)
        return self._end if self._start(0) else None

    def _scan(self, text: str, anchored: bool, most: int) -> None:
        self._read(text, most)
        start = 0
        while start <= len(text):
            self._groups.clear()
            self._step()
            found = self._start(start)
            if anchored:
                break
            start = max(self._end, start + 1) if found else start + 1

    def _read(self, text: str, most: int) -> None:
        self._text, self._characters = text, [*text, END]
        self._steps, self._most = 0, most

    def _finish(self, at: int) -> bool:
        self._end = at
        return True

    def _step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > self._most:
            raise TooManySteps

    def _sequence(self, items: Sequence[Any], flags: int, go: Go) -> Go:
        for operation, value in reversed(items):
            go = self._part(operation, value, flags, go)
        return go

    def _part(self, operation: Any, value: Any, flags: int, go: Go) -> Go:
        if operation in SINGLES:
            return self._single(CharacterTest(operation, value, flags), go)
        if operation in REPEATS:
            return self._repeat(operation, value, flags, go)
        if operation is c.SUBPATTERN:
            number, added, removed, body = value
            return self._group(number, list(body), (flags | added) & ~removed, go)
        if operation is c.BRANCH:
            return self._branch([self._sequence(list(each), flags, go) for each in value[1]])
        if operation is c.ATOMIC_GROUP:
            return self._atomic(list(value), flags, go)
        if operation in (c.ASSERT, c.ASSERT_NOT):
            return self._look(value, flags, operation is c.ASSERT, go)
        if operation is c.AT:
            return lambda at: holds_at(str(value), self._text, at, flags) and go(at)
        if operation is c.GROUPREF_EXISTS:
            yes, no = (self._sequence(list(each or ()), flags, go) for each in value[1:])
            return lambda at: yes(at) if value[0] in self._groups else no(at)
        if operation is c.GROUPREF:
            return self._reference(value, go)
        raise AssertionError(f"{operation} is not known: teach it to this matcher")

    def _single(self, fits: CharacterTest, go: Go) -> Go:
        def one(at: int) -> bool:
            self._steps += 1
            return fits[self._characters[at]] and go(at + 1)

        return one

    def _repeat(self, operation: Any, value: Any, flags: int, go: Go) -> Go:
        least, most, body = min(int(value[0]), self._longest), value[1], list(value[2])
        limit = MANY if most is c.MAXREPEAT else max(least, min(int(most), self._longest))
        if len(body) == 1 and body[0][0] in SINGLES:
            fits = CharacterTest(*body[0], flags)
            if operation is c.MIN_REPEAT:
                return self._lazy_run(fits, least, limit, go)
            return self._run(fits, least, limit, go, keeps_all=operation is c.POSSESSIVE_REPEAT)
        if operation is c.POSSESSIVE_REPEAT:
            return self._atomic([(c.MAX_REPEAT, value)], flags, go)
        return self._rounds(body, flags, least, limit, go, lazy=operation is c.MIN_REPEAT)

    def _run(self, fits: CharacterTest, least: int, limit: int, go: Go, *, keeps_all: bool) -> Go:
        def run(at: int) -> bool:
            characters, end, last = self._characters, at, at + limit
            while end < last and fits[characters[end]]:
                end += 1
            self._step(end - at + 1)
            if keeps_all:
                return end >= at + least and go(end)
            return any(map(go, range(end, at + least - 1, -1)))

        return run

    def _lazy_run(self, fits: CharacterTest, least: int, limit: int, go: Go) -> Go:
        def run(at: int) -> bool:
            for end in range(at, at + limit + 1):
                if end >= at + least and go(end):
                    return True
                self._step()
                if not fits[self._characters[end]]:
                    return False
            return False

        return run

    def _rounds(self, body: list[Any], flags: int, least: int, limit: int, go: Go, *, lazy: bool) -> Go:
        begun: list[tuple[int, int]] = []  # of each round under way: how many were done, and where it began

        def more(at: int, done: int) -> bool:
            if done == limit:
                return False
            begun.append((done, at))
            found = once(at)
            begun.pop()
            return found

        def proceed(at: int, done: int) -> bool:
            self._step()
            if done < least:
                return more(at, done)
            return (go(at) or more(at, done)) if lazy else (more(at, done) or go(at))

        def after(end: int) -> bool:
            done, start = begun[-1]
            return (end > start or done < least) and proceed(end, done + 1)

        once = self._sequence(body, flags, after)
        return lambda at: proceed(at, 0)

    def _group(self, number: int | None, body: list[Any], flags: int, go: Go) -> Go:
        if number is None or not self._refers:
            return self._sequence(body, flags, go)
        starts: list[int] = []

        def end(at: int) -> bool:
            old = self._groups.get(number)
            self._groups[number] = starts[-1], at
            if go(at):
                return True
            del self._groups[number]
            if old is not None:
                self._groups[number] = old
            return False

        inside = self._sequence(body, flags, end)

        def begin(at: int) -> bool:
            starts.append(at)
            found = inside(at)
            starts.pop()
            return found

        return begin

    def _branch(self, branches: list[Go]) -> Go:
        def choose(at: int) -> bool:
            self._step()
            return any(branch(at) for branch in branches)

        return choose

    def _atomic(self, body: list[Any], flags: int, go: Go) -> Go:
        ends: list[int] = []
        inside = self._sequence(body, flags, lambda at: not ends.append(at))  # type: ignore[func-returns-value]
        return lambda at: inside(at) and go(ends.pop())

    def _look(self, value: Any, flags: int, wanted: bool, go: Go) -> Go:
        direction, body = value
        back = 0 if direction > 0 else body.getwidth()[0]
        inside = self._sequence(list(body), flags, lambda at: True)

        def look(at: int) -> bool:
            self._step()
            return (at >= back and inside(at - back)) == wanted and go(at)

        return look

    def _reference(self, number: int, go: Go) -> Go:
        def repeat(at: int) -> bool:
            start, end = self._groups.get(number, (0, -1))
            size = end - start
            self._step(max(size, 1))
            return size >= 0 and self._text[at : at + size] == self._text[start:end] and go(at + size)

        return repeat
