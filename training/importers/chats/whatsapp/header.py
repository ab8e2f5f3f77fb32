"""The first line of a WhatsApp message: date, time and author, in the form of the phone's language.

Android writes "date, time - author: text", iOS "[date, time] author: text", in Vietnamese the time first.
Digits are those of the language, and marks of direction may stand between all parts.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from training.importers.reading.date_order import Numbers
from training.importers.reading.day_periods import hour_of_day, is_day_period

_MARKS = (
    "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff"  # not \u200d and \ufe0f: emoji are made with them
)
_INVISIBLE = re.compile(f"[{_MARKS}]")
_M = f"[{_MARKS}]*+"
_SIGN = rf"{_M}\s?+(?:[-/.年년月월]){_M}\s?+{_M}"
_DATE = rf"(?P<date>[HR]?\d{{1,4}}{_SIGN}\d{{1,2}}{_SIGN}[HR]?\d{{1,4}})(?:\s?[日일])?"
_CLOCK = rf"(?P<hour>\d{{1,2}}){_M}[.:٫]{_M}(?P<minute>\d{{2}})(?:{_M}[.:٫]{_M}(?P<second>\d{{2}}))?"
_AFTER = r"(?P<after>[^\d\[\]:\n]{0,24}?)"  # a part of the day
_BETWEEN = r"(?P<between>[^\d\[\]:\n]{1,32})"  # signs, an era, the word "klo" of Finnish, a part of the day
_REST = rf"{_M}(?(bracket)\]|(?:\s-|:)){_M}\s(?P<rest>.*)"
_DATE_FIRST = re.compile(rf"{_M}(?P<bracket>\[)?{_M}{_DATE}{_BETWEEN}{_CLOCK}{_AFTER}{_REST}", re.DOTALL)
_TIME_FIRST = re.compile(
    rf"{_M}(?P<bracket>\[)?{_M}{_CLOCK}{_AFTER},?\s{_M}{_DATE}(?P<between>){_REST}", re.DOTALL
)
_AUTHOR = re.compile(r"(?P<author>[^:]{1,120}?):(?:\s(?P<text>.*)|$)", re.DOTALL)
_NUMBER = re.compile(r"([HR]?)(\d{1,4})")
_COMMA = re.compile("[,،]")
_ERAS = {"be", "พศ", "คศ", "ad", "ce", "г", "год", "ap", "هش"}
_LONGEST_WORD = 6  # characters of a word between date and time that no table has
_JAPANESE = {"R": 2018, "H": 1988}  # years before the first of the eras Reiwa and Heisei
_QUOTES = frozenset('"“”„«»「」')


class MessageHeader(NamedTuple):
    """The parts of a message's first line.

    `numbers` are the three of the date in the order of the file, `sign` stands between them; `clock` is hour,
    minute and second; `author` is "" in a notice. `quoting` is the beginning of a notice up to a colon in a
    quotation, which version 0.1 took for a name and put into the id.
    """

    numbers: Numbers
    clock: tuple[int, int, int]
    has_seconds: bool
    author: str
    text: str
    sign: str = "/"
    quoting: str = ""


def parse_header(line: str) -> MessageHeader | None:
    """Return the header that a line begins with; None for a line that continues a message."""
    if not line.isascii():
        line = line.replace("\u202f", " ").replace("\u00a0", " ")
    found = _DATE_FIRST.match(line) or _TIME_FIRST.match(line)
    return _read_header(found) if found else None


def _read_header(found: re.Match[str]) -> MessageHeader | None:
    stamp = _read_stamp(found["date"], found["between"], found["after"])
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if stamp is None or minute > 59 or second > 59:
        return None
    hour = hour_of_day(hour, stamp.period) if stamp.period else hour
    hour = 0 if hour == 24 else hour  # some locales count the hours from 1
    if hour > 23:
        return None
    author, text, quoting = "", found["rest"], ""
    if speech := _AUTHOR.match(text):
        author, quoting = _read_author(speech["author"])
        text = text if quoting else speech["text"] or ""
    clock, has_seconds = (hour, minute, second), found["second"] is not None
    return MessageHeader(stamp.numbers, clock, has_seconds, author, text, stamp.sign, quoting)


class _Stamp(NamedTuple):
    """The parts of a header that many messages share: the day, and the part of the day or ""."""

    numbers: Numbers
    sign: str
    period: str


@lru_cache(maxsize=1 << 12)
def _read_stamp(date: str, between: str, after: str) -> _Stamp | None:
    """Return the day of a header; None where words stand beside it that no date has."""
    period = _day_period(between, after)
    if period is None:
        return None
    first, middle, last = (int(number) + _JAPANESE.get(era, 0) for era, number in _NUMBER.findall(date))
    return _Stamp((first, middle, last), next(mark for mark in date if mark in "-/.年년"), period)


@lru_cache(maxsize=1 << 12)
def _read_author(words: str) -> tuple[str, str]:
    """Return the author before a colon and ""; for a colon in a quotation, "" and the words before it."""
    name = visible(words).strip("~ ")
    is_name = sum(character in _QUOTES for character in name) % 2 == 0
    return (name, "") if is_name else ("", name)


def _day_period(between: str, after: str) -> str | None:
    """Return the word for a part of the day, or "" without one; None for words that no date has."""
    if found := visible(after).strip(" ,،"):
        return found if is_day_period(found) else None
    between = visible(between)
    if not between:  # the time stands first
        return ""
    if not any(map(str.isspace, between)) and "،" not in between:
        return None
    words = between.strip(" ,،.")
    if not words or (words.isascii() and not any(map(str.isalpha, words))):
        return ""
    return _last_period([part.strip() for part in _COMMA.split(words) if part.strip()])


def _last_period(parts: list[str]) -> str | None:
    """Return the part of the day between date and time, where an era or a short word may stand too."""
    for part in reversed(parts):
        if is_day_period(part):
            return part
        rest = part.partition(" ")[2]
        if rest and is_day_period(rest):
            return rest
        if part.replace(".", "").casefold() not in _ERAS and len(part.rstrip(".")) > _LONGEST_WORD:
            return None
    return ""


def visible(text: str) -> str:
    """Remove the direction marks that WhatsApp puts around names, attachments and notices."""
    return text if text.isascii() else _INVISIBLE.sub("", text)
