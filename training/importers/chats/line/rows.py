"""The rows of a LINE export: a day, or a time with a sender and words."""

import re
from datetime import date
from typing import NamedTuple

from training.importers.reading.date_order import DAY_FIRST, YEAR_FIRST, DateOrder, Numbers, to_date
from training.importers.reading.day_periods import hour_of_day, is_day_period

_DAY = re.compile(
    r"(?:(?P<before>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?|[^\s\d]{1,20}[,.])\s)?(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})\.?"
    r"(?:\s?[(（]?(?P<after>[^\d\t()（）]{1,24})[)）]?)?\s*"
)
_ROW = re.compile(
    r"(?P<before>[^\d\t:]{0,20}?)\s?(?P<hour>\d{1,2}):(?P<minute>\d{2})\s?(?P<after>[^\d\t:]{0,20}?)"
    r"\t(?P<author>[^\t]*)\t(?P<text>.*)",
    re.DOTALL,
)
_PC_ROW = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2}) (?P<text>\S.*)", re.DOTALL)
_WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


class DayRow(NamedTuple):
    """A row that holds only a day: its numbers as they stand, and the first letters of an English weekday."""

    numbers: Numbers
    weekday: str

    @property
    def is_year_first(self) -> bool:
        return self.numbers[0] > 31

    def to_day(self, order: DateOrder) -> date | None:
        """Return the day; where an English weekday stands beside it, that decides between day and month."""
        if self.is_year_first:
            return _to_day(self.numbers, YEAR_FIRST)
        if self.weekday in _WEEKDAYS:
            first, second, year = self.numbers
            pairs = ((first, second), (second, first))
            days = [day for pair in pairs if (day := _to_day((year, *pair), YEAR_FIRST))]
            fitting = [day for day in days if _WEEKDAYS[day.weekday()] == self.weekday]
            return next(iter(fitting or days), None)
        return _to_day(self.numbers, order)


class MessageRow(NamedTuple):
    """A message; its hour may be above 23. `author` is "" in a notice and in a row of a computer."""

    hour: int
    minute: int
    author: str
    text: str


def read_day(line: str) -> DayRow | None:
    """Return the day that is all of a line, or None."""
    if not (found := _DAY.fullmatch(line)):
        return None
    numbers = int(found[2]), int(found[3]), int(found[4])
    word = (found["before"] or found["after"] or "").strip(" ,.")
    row = DayRow(numbers, word[:3])
    if row.is_year_first:
        return row if _to_day(numbers, YEAR_FIRST) else None
    return row if word and numbers[2] > 31 else None


def read_row(line: str) -> MessageRow | None:
    """Return the message of a row that is divided by tabs, or None."""
    if not (found := _ROW.match(line)):
        return None
    hour = int(found["hour"])
    if period := found["before"].strip() or found["after"].strip():
        if not is_day_period(period):
            return None
        hour = hour_of_day(hour, period)
    return MessageRow(hour, int(found["minute"]), found["author"], found["text"])


def read_pc_row(line: str) -> MessageRow | None:
    """Return the message of a row that is divided by blanks, with the sender's name in its text; or None."""
    if not (found := _PC_ROW.match(line)):
        return None
    return MessageRow(int(found["hour"]), int(found["minute"]), "", found["text"])


def is_possible(row: DayRow, order: DateOrder = DAY_FIRST) -> bool:
    """Return whether the day of a row exists in an order."""
    return row.to_day(order) is not None


def _to_day(numbers: Numbers, order: DateOrder) -> date | None:
    try:
        return to_date(numbers, order)
    except ValueError:
        return None
