"""The rows of a KakaoTalk text: a day, or a time with a sender and words, in Korean or English.

[Name] [오후 3:15] words                     Windows, below a row of dashes with the day
2026년 1월 2일 오후 3:15, Name : words        Android and iOS, also 2026. 1. 2. and 2026-01-02
오후 3:15, Name : words                      iOS, below a row with the day
Jan 2, 2026 at 15:15, Name : words           Android and iOS in English
"""

import re
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from training.importers.reading.day_periods import hour_of_day
from training.importers.reading.normalise import MONTHS

Layout = Literal["computer", "dated", "undated"]
_DATE = (
    r"(?:(?P<year>\d{4})(?:년|\.|-) ?(?P<month>\d{1,2})(?:월|\.|-) ?(?P<day>\d{1,2})(?:일|\.)?"
    r"|(?P<name>[A-Z][a-z]{2,8}+)\.? (?P<english_day>\d{1,2}), (?P<english_year>\d{4}))"
)
_PERIOD = r"오전|오후|[AaPp][Mm]|[ap]\.m\."
_CLOCK = rf"(?:(?P<before>{_PERIOD}) )?(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?: ?(?P<after>{_PERIOD}))?"
_COMPUTER_ROW = re.compile(rf"\[(?P<author>.*?)\] \[{_CLOCK}\](?: (?P<text>.*))?", re.DOTALL)
_DATED_ROW = re.compile(rf"{_DATE}(?:,| at)? {_CLOCK}(?:(?P<mark>, |: ?)(?P<rest>.*))?", re.DOTALL)
_UNDATED_ROW = re.compile(rf"(?=오){_CLOCK}(?P<mark>, |: ?)(?P<rest>.*)", re.DOTALL)
_DASHES = re.compile(r"-{10,60}+ (?P<day>[^-]{6,60}+)-{10,60}+")
_DAY = re.compile(rf"(?:[A-Z][a-z]{{5,8}}, )?{_DATE}(?: \S요일)?")
_SPEAKS = " : "


class KakaoRow(NamedTuple):
    """A row with a time: `author` is None in a notice, and in a row of a phone that only holds a time.

    `day` is None where the row of the day stands above.
    """

    layout: Layout
    day: date | None
    hour: int
    minute: int
    author: str | None
    text: str


def read_day(line: str) -> date | None:
    """Return the day that is all of a line, with dashes around it or with its weekday; or None."""
    if dashes := _DASHES.fullmatch(line):
        line = dashes["day"].strip()
    elif not (line.endswith("요일") or "day, " in line[:11]):
        return None
    return _to_date(found) if (found := _DAY.fullmatch(line)) else None


def read_row(line: str) -> KakaoRow | None:
    """Return the row that a line is, or None for a line of words."""
    first = line[:1]
    if first == "[":
        return _read_computer_row(line)
    found, layout = None, "dated"
    if first == "오":
        found, layout = _UNDATED_ROW.fullmatch(line), "undated"
    elif first.isdecimal() or first.isupper():
        found = _DATED_ROW.fullmatch(line)
    if not found or not (clock := _to_clock(found)):
        return None
    day = _to_date(found) if layout == "dated" else None
    if layout == "dated" and day is None:
        return None
    author, text = _speech(found["mark"] or "", found["rest"] or "")
    return KakaoRow("dated" if day else "undated", day, *clock, author, text)


def _read_computer_row(line: str) -> KakaoRow | None:
    found = _COMPUTER_ROW.fullmatch(line)
    if not found or not (clock := _to_clock(found)):
        return None
    return KakaoRow("computer", None, *clock, found["author"], found["text"] or "")


def _speech(mark: str, rest: str) -> tuple[str | None, str]:
    """Return the author and the words behind a time; a notice has no author."""
    if not mark.startswith(","):
        return None, rest
    author, speaks, text = f"{rest} ".partition(_SPEAKS)
    return (author.strip(), text[:-1]) if speaks and author.strip() else (None, rest)


def _to_clock(found: re.Match[str]) -> tuple[int, int] | None:
    hour, minute = int(found["hour"]), int(found["minute"])
    if period := found["before"] or found["after"]:
        hour = hour_of_day(hour, period)
    return (hour % 24, minute) if hour <= 24 and minute < 60 else None


def _to_date(found: re.Match[str]) -> date | None:
    if found["year"]:
        return _date(int(found["year"]), int(found["month"]), int(found["day"]))
    month = MONTHS.get(found["name"][:3], 0)
    return _date(int(found["english_year"]), month, int(found["english_day"]))


@lru_cache(maxsize=64)
def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
