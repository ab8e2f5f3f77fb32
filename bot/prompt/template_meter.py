"""Bounds of one run of a chat template: its steps, the size of every value, and its output.

A value of a template is text, a number, None, a list, a tuple or a dict of values. Lists and the like know
their weight and depth when they are made, so that no value can be printed to more than it was weighed.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeGuard

import jinja2.exceptions
import jinja2.runtime

MAX_DEPTH = 50  # lists in lists
MAX_BITS = 20_000  # of a whole number
_STEPS, _STEPS_OF_TURN, _MOST_STEPS = 50_000, 500, 2_000_000  # nodes, or 64 characters of a value
_SIZE, _SIZE_OF_TURN = 100_000, 300  # characters
_LONGEST_REASON = 200  # characters of a template's own words in an error
_WRITES = 4  # times that the output may be written: into macros and blocks of text, then as a whole


class Items(list[Any]):
    """A list that knows its weight."""

    __slots__ = ("depth", "weight")
    weight: int
    depth: int


class Tuple(tuple[Any, ...]):
    """A tuple that knows its weight."""

    weight: int
    depth: int


class Table(dict[Any, Any]):
    """A dict that knows its weight."""

    __slots__ = ("depth", "weight")
    weight: int
    depth: int


class Meter:
    """Counts the work of one run for a conversation of `turns` turns."""

    def __init__(self, turns: int) -> None:
        self.steps, self.written = 0, 0
        self.most_steps = min(_STEPS + _STEPS_OF_TURN * turns, _MOST_STEPS)
        self.largest = _SIZE + _SIZE_OF_TURN * turns

    def step(self, steps: int, characters: int = 0) -> None:
        """Count steps, and one more for each 64 characters."""
        self.steps += max(1, steps) + characters // 64
        if self.steps > self.most_steps:
            raise refusal(f"it takes more than {self.most_steps:,} steps")

    def write(self, characters: int) -> None:
        """Count characters of output."""
        self.written += characters
        if self.written > _WRITES * self.largest:
            raise refusal(f"it writes more than {_WRITES * self.largest:,} characters")

    def allow(self, characters: int) -> None:
        """Refuse a value of that many characters before it is made."""
        if characters > self.largest:
            raise refusal(f"it makes a value of more than {self.largest:,} characters")


_METER: ContextVar[Meter] = ContextVar("meter")


def meter() -> Meter:
    """Return the meter of the run under way."""
    return _METER.get()


@contextmanager
def metered(turns: int) -> Iterator[Meter]:
    """Count the work of a run for a conversation of `turns` turns."""
    token = _METER.set(Meter(turns))
    try:
        yield _METER.get()
    finally:
        _METER.reset(token)


def refusal(reason: str) -> jinja2.exceptions.SecurityError:
    """Return the error that ends the run."""
    return jinja2.exceptions.SecurityError(reason)


def weigh(value: Any) -> int:
    """Return the characters that a value prints at most, but for escapes. Other things are refused."""
    return _measure(value)[0]


def weigh_all(*values: Any) -> int:
    return sum(weigh(value) for value in values)


def build(value: Any) -> Any:
    """Return a result as a value that knows its weight. Raises the refusal of one that is too large."""
    made: Any = value
    if _is_weighed(value):
        return value
    if isinstance(value, dict):
        made = Table(value)
        meter().step(len(made))
        made.weight, made.depth = _sum(item for pair in made.items() for item in pair)
    elif isinstance(value, tuple):
        made = Tuple(value)
        meter().step(len(made))
        made.weight, made.depth = _sum(made)
    elif isinstance(value, list) or _is_iterator(value):
        made = Items(_counted(value))
        made.weight, made.depth = _sum(made)
    elif isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise refusal(f"it makes a number of more than {MAX_BITS:,} bits")
    if _is_weighed(made) and made.depth > MAX_DEPTH:
        raise refusal(f"it makes lists of more than {MAX_DEPTH} levels")
    if _is_weighed(made) or isinstance(made, str):
        meter().allow(weigh(made))
    return made


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    count, most = meter(), meter().largest
    for number, item in enumerate(items):
        if number > most:
            count.allow(number)
        count.step(1)
        yield item


def _is_weighed(value: Any) -> TypeGuard[Items | Tuple | Table]:
    return isinstance(value, Items | Tuple | Table)


def _is_iterator(value: Any) -> bool:
    return isinstance(value, Iterator | type({}.items()) | type({}.keys()) | type({}.values()) | set)


def _sum(items: Iterable[Any]) -> tuple[int, int]:
    weight, depth = 2, 0
    for item in items:
        own, deep = _measure(item)
        weight, depth = weight + own + 2, max(depth, deep)
    return weight, depth + 1


def _measure(value: Any) -> tuple[int, int]:
    """Return weight and depth. A list that was not built, as a macro's `varargs`, is measured anew."""
    if isinstance(value, str):
        return len(value) + 2, 0
    if _is_weighed(value):
        return value.weight, value.depth
    if isinstance(value, int):
        return 8 + value.bit_length() // 3, 0
    if value is None or isinstance(value, float | jinja2.runtime.Undefined):
        return 24, 0
    if isinstance(value, range):
        return 8 * len(value), 1
    if isinstance(value, list | tuple):
        return _sum(value)
    if isinstance(value, dict):
        return _sum(item for pair in value.items() for item in pair)
    raise refusal(f"it uses a {type(value).__name__} as if it were text, a number or a list")


def reason_of(error: Exception) -> str:
    """Return what an error says, in few words and on one line: a template can choose them."""
    said = str(error) if isinstance(error, jinja2.TemplateError) else str(error) or type(error).__name__
    line = " ".join(said.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
