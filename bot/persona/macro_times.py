"""Macros of date and time, in this machine's time zone."""

import re
from datetime import UTC, datetime, timedelta

_FORMATS = {
    "time": "HH:mm",
    "isotime": "HH:mm",
    "time_utc": "HH:mm",
    "date": "YYYY-MM-DD",
    "isodate": "YYYY-MM-DD",
    "datetimeformat": "YYYY-MM-DD HH:mm",
    "weekday": "dddd",
}
_LONGEST_FORMAT = 100  # characters
_OFFSET = re.compile(r"(?:UTC)?([+-]\d{1,2})", re.IGNORECASE)
_TOKENS = {
    **{
        "YYYY": "%Y",
        "YY": "%y",
        "MMMM": "%B",
        "MMM": "%b",
        "MM": "%m",
        "DD": "%d",
        "dddd": "%A",
        "ddd": "%a",
    },
    **{"HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "A": "%p", "a": "%p"},
    **{"LT": "%H:%M", "LL": "%d %B %Y", "L": "%Y-%m-%d"},
}
_TOKEN = re.compile(rf"\[[^\[\]]*\]|{'|'.join(_TOKENS)}|D|M|H|h")


def show_time(macro: str, argument: str, seconds: float | None) -> str:
    """Return a moment (Unix seconds) as a macro shows it; empty without a moment, or for one that is no date.

    The argument is an offset in hours from UTC, or a form in the tokens of moment.js (`datetimeformat`).
    """
    offset = _OFFSET.fullmatch(argument.strip()) if macro in ("time", "time_utc") else None
    moment = None if seconds is None else _moment(seconds, int(offset[1]) if offset else None)
    if moment is None:
        return ""
    form = argument.strip() if macro == "datetimeformat" else ""
    form = form if 0 < len(form) <= _LONGEST_FORMAT else _FORMATS[macro]
    return _TOKEN.sub(lambda found: _shown(found[0], moment), form)


def _moment(seconds: float, offset: int | None) -> datetime | None:
    try:
        if offset is None:
            return datetime.fromtimestamp(seconds).astimezone()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(hours=offset)
    except (ValueError, OverflowError, OSError):
        return None


def _shown(token: str, moment: datetime) -> str:
    if token[0] == "[":
        return token[1:-1]
    if token in _TOKENS:
        return moment.strftime(_TOKENS[token])
    return str({"D": moment.day, "M": moment.month, "H": moment.hour, "h": moment.hour % 12 or 12}[token])
