"""Keys of lorebooks that are regular expressions: words are taken out of them, and no expression is ever run.

An author's expression could take the time of a thread with every message (catastrophic backtracking).
"""

import re
from collections.abc import Sequence

_WRITTEN = re.compile(r"/(.+)/[gimsuvxy]{0,8}")
_META = frozenset("\\.^$*+?{}[]()|")
_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)")
_MARKS = ("\\b", "^", "$")  # ends of words and texts


def literal_keys(keys: Sequence[str], is_regex: bool) -> tuple[tuple[str, ...], bool]:
    """Return the keys as plain words, and whether an expression had to be left out.

    A key between slashes is an expression, and with `is_regex` every key is. Of these, alternatives of plain
    words are taken: /\\b(harrow|the deep)\\b/i is "harrow" and "the deep".
    """
    plain, is_refused = list[str](), False
    for key in keys:
        written = _WRITTEN.fullmatch(key)
        if not written and not is_regex:
            plain.append(key)
            continue
        words = _words_of(written[1] if written else key)
        is_refused = is_refused or not words
        plain.extend(words)
    return tuple(dict.fromkeys(plain)), is_refused


def _words_of(expression: str) -> list[str]:
    """Return the alternatives of an expression; none where one of them is no plain word."""
    inner = _without_marks(expression)
    if group := _GROUP.fullmatch(inner):
        inner = _without_marks(group[1])
    words = [" ".join(_without_marks(word).split()) for word in inner.split("|")]
    return words if all(word and not _META.intersection(word) for word in words) else []


def _without_marks(expression: str) -> str:
    for mark in _MARKS:
        expression = expression.removeprefix(mark).removesuffix(mark)
    return expression
