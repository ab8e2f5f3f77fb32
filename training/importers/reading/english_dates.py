"""Dates with an English month on a clock without zone: "June 5, 2024 2:56pm", "Jun 05, 2024 14:56".

A table of months replaces `strptime`, which reads English months under an English locale only.
"""

import re
from datetime import UTC, datetime

from training.importers.reading.normalise import unix_seconds

_DATE = re.compile(
    r"([A-Za-z]{3})[a-z]* (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2})(?: ?([ap])m)?", re.ASCII | re.IGNORECASE
)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def parse_english_date(text: str) -> float | None:
    """Return the Unix seconds of a date, as if its clock were UTC; None for any other text."""
    if not (found := _DATE.fullmatch(text.strip())):
        return None
    name, day, year, hour, minute, half = found.groups()
    hours = int(hour) % 12 + 12 * (half in "pP") if half else int(hour)
    try:
        month = _MONTHS.index(name.lower()) + 1
        time = datetime(int(year), month, int(day), hours, int(minute), tzinfo=UTC)
        return unix_seconds(time.timestamp())
    except (ValueError, OverflowError):
        return None
