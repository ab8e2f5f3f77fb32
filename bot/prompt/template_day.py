"""The day that a chat template may tell: today in serving, a fixed one in training and contracts."""

from contextvars import ContextVar
from datetime import date, datetime

# Of Llama 3.1's template. Training, whose ids are kept, and the contract with an adapter read this one: with
# the real day, an adapter would be refused on the next.
PLACEHOLDER_DAY = date(2024, 7, 26)
DAY: ContextVar[date] = ContextVar("day", default=PLACEHOLDER_DAY)  # of the run under way
_WORDS = ("strftime_now", "date_string")  # of templates that tell the day


def tells_day(source: str) -> bool:
    """Return whether a template may tell the day."""
    return any(word in source for word in _WORDS)


def format_day(form: str) -> str:
    """Return the day of the run under way, at midnight: within a day, prompts begin alike."""
    return datetime.combine(DAY.get(), datetime.min.time()).strftime(form)
