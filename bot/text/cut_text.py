"""Texts cut at the longest length, with the number of characters that were left out."""

import re

_NOTE = "… [{} more characters were left out]"
_FOUND = re.compile(r"… \[[\d,]+ more characters were left out\]\Z")
_ROOM = len(_NOTE) + 20


def cut_text(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters, at least 100, which tells how many are missing."""
    if len(text) <= longest:
        return text
    kept = text[: longest - _ROOM]
    return kept + _NOTE.format(f"{len(text) - len(kept):,}")


def is_cut(text: str) -> bool:
    """Return whether a text ends as `cut_text` ends one."""
    return _FOUND.search(text, max(0, len(text) - 2 * _ROOM)) is not None
