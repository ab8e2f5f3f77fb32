"""Marks, quotes and brackets that a text opens and does not close."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.text.markdown import MARKS

# an escaped sign, a run of one sign that may be a mark, the end of a paragraph, a quote or bracket
_TOKEN = re.compile(r"\\[^\sA-Za-z0-9]|(`+|\*+|_+|~~+|\|\|+)|(\n[ \t]*\n)|([“”„«»「」『』（）()\"])")
_QUOTES = {"“": "”", "„": "“", "«": "»", "「": "」", "『": "』", "（": "）", "(": ")", '"': '"'}
_CLOSING_QUOTES = frozenset(_QUOTES.values())
_TICKS = re.compile("`+")
_BLANKS = re.compile(r"[ \t]*")
_FACE = frozenset(":;=-'^")  # before a bracket that is the mouth of a face
CODE_END = "\n```"
_MOST_OPEN = 16  # what has more is no text that closing makes better


@dataclass(frozen=True, slots=True)
class OpenMark:
    """A mark that is open at the end of a text: it stands at [start, end), and `closing` closes it."""

    start: int
    end: int
    closing: str


def open_marks(text: str) -> list[OpenMark]:
    """Return what is open at the end of a text, outermost first; an open code block alone."""
    scan = _Scan(text)
    for token in scan.tokens():
        scan.take(token)
    return scan.open if len(scan.open) <= _MOST_OPEN else []


def without_empty_marks(text: str) -> str:
    """Return a text without blanks at its end, and without open marks there that hold nothing."""
    return _split_empty_marks(text)[0]


def close_marks(text: str) -> str:
    """Return a text with its open marks closed; those at its end that hold nothing are left out."""
    text, marks = _split_empty_marks(text)
    return text + "".join(mark.closing for mark in reversed(marks))


def _split_empty_marks(text: str) -> tuple[str, list[OpenMark]]:
    """Return a text without the open marks at its end that hold nothing, and its other open marks."""
    end = len(text.rstrip())
    marks = open_marks(text[:end])
    while marks and marks[-1].end >= end:
        end = len(text[: marks.pop().start].rstrip())
    return text[:end], marks


class _Scan:
    def __init__(self, text: str) -> None:
        self.open: list[OpenMark] = []
        self._text, self._at = text, 0
        self._single = set[str]()  # runs of backticks that do not come again

    def tokens(self) -> Iterator[re.Match[str]]:
        while token := _TOKEN.search(self._text, self._at):
            self._at = token.end()
            yield token

    def take(self, token: re.Match[str]) -> None:
        if token[2]:
            self.open = [mark for mark in self.open if mark.closing not in _CLOSING_QUOTES]
        elif token[3]:
            self._take_quote(token)
        elif token[1] and token[1][0] == "`":
            self._take_code(token)
        elif token[1]:
            self._take_mark(token)

    def _take_code(self, token: re.Match[str]) -> None:
        """Go on behind the code, or note that it is open: what stands in code are no marks."""
        run, start = token[1][:3], token.end()
        close = -1 if run in self._single else self._text.find(run, start)
        if close >= 0:
            ticks = _TICKS.match(self._text, close)
            self._at = ticks.end() if ticks else close
            return
        self._single.add(run)
        line, first = self._text.rfind("\n", 0, token.start()) + 1, self._text.find("\n", start)
        if run == "```" and _BLANKS.fullmatch(self._text, line, token.start()):
            self.open = [OpenMark(token.start(), first + 1 or len(self._text), CODE_END)]
            self._at = len(self._text)
        elif len(run) < 3 and first < 0 and not self._text[start : start + 1].isspace():
            self.open.append(OpenMark(token.start(), start, run))
            self._at = len(self._text)

    def _take_mark(self, token: re.Match[str]) -> None:
        """Close the marks that this run of signs closes; if it closes none, open its marks."""
        before, after = self._around(token)
        marks = MARKS.get(token[1], ())
        inwards = [mark for mark in self.open if mark.closing in marks and not before.isspace()]
        if inwards and not (token[1][0] == "_" and after.isalnum()):
            self.open = self.open[: self.open.index(inwards[0])]
        elif not after.isspace() and not (token[1][0] == "_" and before.isalnum()):
            start, known = token.start(), {mark.closing for mark in self.open}
            for mark in marks:
                self.open += [OpenMark(start, start + len(mark), mark)] * (mark not in known)
                start += len(mark)

    def _take_quote(self, token: re.Match[str]) -> None:
        sign, (before, after) = token[3], self._around(token)
        closes = [at for at, mark in enumerate(self.open) if mark.closing == sign]
        if closes:
            self.open = self.open[: closes[-1]]
        elif sign in _QUOTES and len(self.open) <= _MOST_OPEN and _opens_quote(sign, before, after):
            self.open.append(OpenMark(token.start(), token.end(), _QUOTES[sign]))

    def _around(self, token: re.Match[str]) -> tuple[str, str]:
        """Return the characters before and behind a token."""
        start, end = token.span()
        return self._text[max(start - 1, 0) : start], self._text[end : end + 1]


def _opens_quote(sign: str, before: str, after: str) -> bool:
    is_face_or_inch = before in _FACE or (sign == '"' and before.isalnum())
    return not is_face_or_inch and not after.isspace()
