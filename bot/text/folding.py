"""Text without the differences of case and form, to look for names in it."""

import unicodedata
from collections.abc import Iterator

MAX_MARKS = 30  # combining marks on one letter, as in Unicode's Stream-Safe Text Format (UAX #15)
# characters of combining class 0 that are decomposed into combining marks alone
_MADE_OF_MARKS = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")


def fold(text: str) -> str:
    """Return the text in NFKC and without case.

    Marks that nobody could read, past `MAX_MARKS` on one letter, are left out: normalization sorts the marks
    of a letter, in time quadratic in their number.
    """
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFKC", limit_marks(text)).casefold()


def limit_marks(text: str) -> str:
    """Return the text without the combining marks past `MAX_MARKS` on one letter."""
    return "".join(_limited(text))


def _limited(text: str) -> Iterator[str]:
    marks = 0
    for sign in text:
        is_mark = unicodedata.combining(sign) != 0 or sign in _MADE_OF_MARKS
        marks = marks + 1 if is_mark else 0
        if marks <= MAX_MARKS:
            yield sign
