"""Parts of the day beside hours of a clock of twelve: am and pm, and the finer parts of some languages."""

from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("day_periods.tsv")


def is_day_period(word: str) -> bool:
    """Return whether a word stands for a part of the day in any language."""
    return _folded(word) in _periods()


def hour_of_day(hour: int, word: str) -> int:
    """Return the hour of 24 for an hour of twelve in a part of the day; an hour above twelve stays."""
    hours = _periods()[_folded(word)]
    if hour > 12:
        return hour
    morning, evening = hour % 12, hour % 12 + 12
    if (morning in hours) != (evening in hours):
        return morning if morning in hours else evening
    return morning if hours.start < 12 else evening


@cache
def _periods() -> dict[str, range]:
    """Return the hours of each word of the table."""
    with _TABLE.open(encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return {word: range(int(start), int(end)) for word, start, end in rows}


def _folded(word: str) -> str:
    """Return a word without case, blanks and dots, which differ between the versions of a locale."""
    return "".join(character for character in word.casefold() if not character.isspace() and character != ".")
