"""The end of a text that was cut: at a sentence, with its marks closed, or visibly unfinished."""

import re

from bot.text.open_marks import CODE_END, close_marks, open_marks, without_empty_marks

_STOPS, _WIDE_STOPS = frozenset(".!?…؟۔।॥။។።⁇⁈⁉‼"), frozenset("。！？｡．")
_CLOSING = frozenset("\"'”’“»)]}*_~`|」』）】〉》")  # what may stand behind the stop of a sentence
_MOST_CLOSING = 8
# words whose full stop ends no sentence: initials, numbers of a list, abbreviations
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|z\.B|d\.h|bzw|ca|Nr)\.$")
_NUMBER = re.compile(r"(?:^|\n)[ \t]{0,4}\d{1,3}\.$")
_LONGEST = 12  # characters of such a word, with what stands around it
_GOES_ON = frozenset(["", *",:;-–—，：；、"])  # at the end of a line that the next line goes on from


def end_unfinished(text: str) -> str:
    """Return a text that was cut, up to its last whole sentence, with its marks closed.

    It ends with an ellipsis where it ends at a line instead, in code, or in the middle of a sentence, since
    more than half of it would be lost.
    """
    text, least = without_empty_marks(text), len(text) // 2
    marks = open_marks(text)
    if marks and marks[-1].closing == CODE_END:
        line = text.rfind("\n", marks[-1].end)
        return close_marks(text[:line] if line > least else text) + "\n…"
    cut = _last_end(text, least)
    if not cut:
        return close_marks(text) + "…" if text else ""
    return close_marks(text[:cut]) + ("" if _ends_sentence(text, cut) else "\n…")


def _last_end(text: str, least: int) -> int:
    """Return the index behind the last whole sentence or line; 0 where it is smaller than `least`."""
    cuts = range(len(text), least - 1, -1)
    return next((cut for cut in cuts if _ends_sentence(text, cut) or _ends_line(text, cut)), 0)


def _ends_sentence(text: str, cut: int) -> bool:
    after, stop = text[cut : cut + 1], cut
    while stop and cut - stop < _MOST_CLOSING and text[stop - 1] in _CLOSING:
        stop -= 1
    sign = text[stop - 1 : stop]
    if sign in _WIDE_STOPS:
        return after not in _CLOSING
    if sign not in _STOPS or (after and not after.isspace()):
        return False
    return sign != "." or stop < cut or not _is_abbreviated(text[max(0, stop - _LONGEST) : stop])


def _ends_line(text: str, cut: int) -> bool:
    """Return whether a line ends here that the next line does not go on from."""
    return text[cut : cut + 1] == "\n" and text[cut - 1 : cut].strip() not in _GOES_ON


def _is_abbreviated(end: str) -> bool:
    return bool(_ABBREVIATED.search(end) or _NUMBER.search(end))
