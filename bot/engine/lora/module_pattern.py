"""Patterns of module names in `rank_pattern` and `alpha_pattern`, matched in bounded time.

PEFT matches such a key with `re.match(rf"(.*\\.)?({key})$", module)`. A stranger's regular expression may
take for ever, so that only this much of one is followed: characters, `.`, `\\d`, `[0-9]`, groups of
alternatives, the repeats `* + ?` of a single character, `^` and `$` at the ends. The places that a match may
have reached are the bits of one number.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_TOKEN = re.compile(r"(\\d|\[0-9\]|\\[.\-_]|[A-Za-z0-9_\-.])([*+?]?)|(\((?:\?:)?)|(\))|(\|)")
_DIGITS = ("\\d", "[0-9]")

NAME_LENGTH = 200  # of a name or pattern in a config
Value = TypeVar("Value")
Places = int  # bit n: a match may have reached the n-th character
Step = Callable[["_Name", Places], Places]


class UnknownPattern(ValueError):
    """The pattern has more than is followed here."""


@dataclass(frozen=True)
class ModulePattern:
    """A pattern of module names, as PEFT reads it; raises `UnknownPattern` for one that is not followed."""

    text: str
    _starts_name: bool = field(init=False, repr=False, compare=False)
    _match: Step = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        body = self.text.removeprefix("^")
        starts = body != self.text
        body = body[:-1] if body.endswith("$") else body
        tokens = _tokens(body)
        object.__setattr__(self, "_starts_name", starts)
        object.__setattr__(self, "_match", _alternatives(tokens, depth=0))
        if tokens:
            raise UnknownPattern(self.text)
        if starts and "|" in body:
            raise UnknownPattern(self.text)

    def matches(self, module: str) -> bool:
        """Return whether the pattern matches a module's name, or its end behind a dot."""
        name = _Name(module)
        first = 1 if self._starts_name else 1 | (name.places(".") << 1)
        return bool(self._match(name, first) >> len(module) & 1)


class PatternTable(Generic[Value]):
    """Values by pattern: the first pattern that matches a module counts. Names are found without a search."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        """Raises `UnknownPattern`."""
        self.values, self._names = tuple(values.values()), dict[str, int]()
        self._patterns = list[tuple[int, ModulePattern]]()
        for number, text in enumerate(values):
            if is_name(text):
                self._names.setdefault(text, number)
            else:
                self._patterns.append((number, ModulePattern(text)))

    @property
    def pattern_count(self) -> int:
        """The patterns that are no names."""
        return len(self._patterns)

    def find(self, module: str) -> Value | None:
        """Return the value of a module; None without one."""
        found = [self._names[end] for end in name_ends(module) if end in self._names]
        found += [number for number, pattern in self._patterns if pattern.matches(module)]
        return self.values[min(found)] if found else None


def is_name(text: str) -> bool:
    """Return whether a text is a name with dots."""
    return all(part.isidentifier() or part.isdecimal() for part in text.split(".")) and text.isascii()


def name_ends(module: str) -> Iterator[str]:
    """Yield a module's name and its ends behind a dot, up to the longest name that a config may have."""
    end = module[-NAME_LENGTH:]
    starts = (at + 1 for at, character in enumerate(end) if character == ".")
    yield from (end[at:] for at in starts)
    if end == module:
        yield module


class _Name:
    """A module's name, and the places of its characters."""

    def __init__(self, text: str) -> None:
        self.every = (1 << len(text)) - 1
        self._places = dict[str, Places]()
        for at, character in enumerate(text):
            self._places[character] = self._places.get(character, 0) | 1 << at
        self.digits = sum(self.places(digit) for digit in "0123456789")

    def places(self, character: str) -> Places:
        return self._places.get(character, 0)


def _tokens(text: str) -> list[re.Match[str]]:
    """Return the tokens in reverse, to be taken from the end."""
    found, at = list[re.Match[str]](), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnknownPattern(text)
        found.append(match)
        at = match.end()
    return found[::-1]


def _alternatives(tokens: list[re.Match[str]], depth: int) -> Step:
    """Take alternatives of sequences, up to the end or a closing bracket."""
    choices = [_sequence(tokens, depth)]
    while tokens and tokens[-1][5]:
        tokens.pop()
        choices.append(_sequence(tokens, depth))

    def step(name: _Name, places: Places) -> Places:
        reached = 0
        for choice in choices:
            reached |= choice(name, places)
        return reached

    return choices[0] if len(choices) == 1 else step


def _sequence(tokens: list[re.Match[str]], depth: int) -> Step:
    steps: list[Step] = []
    while tokens and not tokens[-1][4] and not tokens[-1][5]:
        token = tokens.pop()
        if not token[3]:
            steps.append(_single(token[1], token[2]))
            continue
        if depth >= 4:
            raise UnknownPattern("too many brackets")
        steps.append(_alternatives(tokens, depth + 1))
        if not tokens or not tokens.pop()[4]:
            raise UnknownPattern("an open bracket")
    return lambda name, places: _run(steps, name, places)


def _run(steps: Sequence[Step], name: _Name, places: Places) -> Places:
    for step in steps:
        places = step(name, places)
    return places


def _single(character: str, repeat: str) -> Step:
    """Return the step over one character, or over its repeats."""

    def once(name: _Name, places: Places) -> Places:
        return (places & _places_of(name, character)) << 1

    def many(name: _Name, places: Places) -> Places:
        if character == ".":  # all places behind the first
            return (name.every << 1 | 1) & ~((places & -places) - 1) if places else 0
        reached = places | once(name, places)
        while reached != places:
            places, reached = reached, reached | once(name, reached)
        return reached

    if repeat == "?":
        return lambda name, places: places | once(name, places)
    if repeat == "+":
        return lambda name, places: many(name, once(name, places))
    return many if repeat == "*" else once


def _places_of(name: _Name, character: str) -> Places:
    if character == ".":
        return name.every
    return name.digits if character in _DIGITS else name.places(character[-1])
