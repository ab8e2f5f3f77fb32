"""A run of the benchmark, and a line of its table."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import Rate
from tests.benchmarks.machine import Machine

_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of converted models, this machine's speeds, and whether the run is a quick look."""

    data: Path
    machine: Machine
    quick: bool

    def pick(self, quick: int, whole: int) -> int:
        """One of two numbers."""
        return quick if self.quick else whole


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: `value` in `unit` is to be at least or at most `bar`; without a bar it is for information."""

    title: str
    value: float
    ours: str
    theirs: str = ""
    limit: str = ""  # what keeps it from being better
    bar: float | None = None
    most: bool = False  # the bar is a limit from above
    unit: str = "x"

    def show(self) -> str:
        """The line, with what limits it below."""
        compared = f"{self.ours} against {self.theirs}" if self.theirs else self.ours
        head = f"{self.title:<58} {self._bar():>12} {self.value:8.3g} {self.unit:<2} {self._verdict():<7}"
        return "\n".join([head, *(f"    {line}" for line in (compared, *textwrap.wrap(self.limit, _WIDTH)))])

    def _bar(self) -> str:
        return "" if self.bar is None else f"{'<=' if self.most else '>='} {self.bar:g} {self.unit}"

    def _verdict(self) -> str:
        if self.bar is None:
            return ""
        return "holds" if (self.value <= self.bar if self.most else self.value >= self.bar) else "MISSED"


def rate(found: Rate, prefill: bool) -> str:
    """The rate of decoding and, where prompts were fresh, the other."""
    overall = f" ({found.overall:.1f} with prefill)" if prefill else ""
    return f"{found.decode:.1f} tokens/s{overall}"
