"""Figures that tests measure on a device, and the one table of them at the end of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure with what it must hold to; `right` says whether it does."""

    name: str
    value: str
    bar: str
    right: bool


@dataclass(slots=True)
class Figures:
    """All figures of a run of tests."""

    rows: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: str, bar: str = "", right: bool = True) -> None:
        """Keep a figure; fails the test where it does not hold."""
        self.rows.append(Figure(name, value, bar, right))
        assert right, f"{name}: {value}, must be {bar}"


FIGURES = pytest.StashKey[Figures]()


def table_of(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the lines of the table."""
    rows = [(row.name, row.value, row.bar, "ok" if row.right else "FAILED") for row in figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
