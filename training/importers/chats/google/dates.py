"""The dates of Google Chat, which are English sentences."""

from datetime import UTC, datetime
from typing import NamedTuple

from training.importers.reading.normalise import parse_iso_time, unix_seconds

_MONTH_NAMES = "January February March April May June July August September October November December"
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
_BLANKS = str.maketrans({"\u202f": " ", "\xa0": " ", ",": " "})
_LONGEST = 100  # characters


class ChatTime(NamedTuple):
    """Unix seconds; `local` where the zone is unknown."""

    time: float
    local: bool = False


def parse_chat_date(text: str) -> ChatTime:
    """Return the time of a date such as "Thursday, November 3, 2016 at 11:59:50 AM UTC".

    The day may stand before the month, and the clock may have 24 hours. Raises ValueError for any other text.
    """
    words = text[:_LONGEST].translate(_BLANKS).split()
    if len(words) == 1:
        return ChatTime(parse_iso_time(words[0]))
    at = words.index("at")
    clock, *rest = words[at + 1 :] or [""]
    if at < 3 or clock.count(":") not in (1, 2):
        raise ValueError(f"{text[:_LONGEST]} is no date")
    one, other, year = words[at - 3 : at]
    day, month = (other, one) if one in _MONTHS else (one, other)
    if month not in _MONTHS:
        raise ValueError(f"{month} is no English month")
    hour, minute, second, *_ = (*map(int, clock.split(":")), 0)
    half = rest.pop(0).upper() if rest and rest[0].upper() in ("AM", "PM") else ""
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    time = datetime(int(year), _MONTHS[month], int(day), hour, minute, second, tzinfo=UTC)
    return ChatTime(unix_seconds(time.timestamp()), rest not in (["UTC"], ["GMT"]))
