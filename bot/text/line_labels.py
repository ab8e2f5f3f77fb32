"""Labels of speakers before a line, in any dress.

They are "Mara: ", "**Mara:** ", "[Mara]: ", "<Mara> ", "Mara (smiling): ", "**Mara** - ", or "## Mara" alone
in its line; "[12:30]" may stand before.
"Mara - " and "Mara, smiling: " are none, since ordinary sentences begin so.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from bot.text.name_index import NameIndex

COLONS = ":：﹕︓"
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # as `str.splitlines` has it
_BLANKS = " \t\xa0\u3000"
_CLOSERS = dict(zip("*_~`|[({<【「『（［＜《〈“‘«‹„\"'", "*_~`|])}>】」』）］＞》〉”’»›“\"'", strict=True))
_ASIDES = "([{（【［*_"  # what may begin words about the way of speaking
_DASHES = "-–—"
_QUOTES = frozenset("「『《〈“‘«‹„\"'")
_TIME_SIGNS = frozenset("0123456789:.,/- apmAPMT")  # of "[12:30]", "(2026-05-01 12:30 PM)"
_LONGEST_TIME = 24
_MOST_MARKS, _MOST_BETWEEN, _LONGEST_ASIDE = 12, 16, 80  # characters
_SPACE = re.compile(r"\s*")
_LINE = re.compile(f"[^{LINE_ENDS}]*(?:\r\n|[{LINE_ENDS}]|\\Z)")
_NOSES, _MOUTHS = "-'^", "()/\\|DPpOo03*<>"


class Undecided(Exception):
    """The text must grow before the question is decided."""


@dataclass(frozen=True, slots=True)
class LineLabel:
    """A label at the beginning of a line: `start` is the index of the speaker's words behind it.

    `kept` are marks before the name that are closed behind the words. `written` is the name as the line has
    it. `is_separate`: a blank, a mark or the line's end stands behind the label. `is_bare`: the
    name is alone in its line, without any dress.
    """

    name: str
    written: str
    start: int
    kept: str = ""
    is_separate: bool = True
    is_bare: bool = False

    @property
    def is_quoted(self) -> bool:
        """Return whether a quotation mark before the name closes behind the words."""
        return not _QUOTES.isdisjoint(self.kept)


def line_at(text: str, at: int) -> re.Match[str]:
    """Return the line from an index on, with its end."""
    line = _LINE.match(text, at)
    assert line
    return line


def read_label(text: str, at: int, names: NameIndex, *, whole: bool) -> LineLabel | None:
    """Return the label of one of these names that begins at an index; None where none does.

    Raises `Undecided` where a text that is not `whole` may still become one.
    """
    return _LabelReader(text, at, names, whole).read()


class _LabelReader:
    """Reads one label, never a character farther than the decision needs."""

    def __init__(self, text: str, at: int, names: NameIndex, whole: bool) -> None:
        self._text, self._begin, self._at, self._names, self._whole = text, at, at, names, whole
        self._open: list[str] = []  # the marks before the name that are not closed yet
        self._has_closed = False

    def read(self) -> LineLabel | None:
        self._skip_time()
        found = self._opening()
        if found is None:
            return None
        name, length = found
        self._marks = self._text[self._begin : self._at]
        if "```" in self._marks or self._marks.count("|") not in (0, 2):  # a fence, a row of a table
            return None
        start, self._at = self._at, self._at + length
        self._name, self._written = name, self._text[start : self._at]
        return self._behind_name()

    def _peek(self, distance: int = 0) -> str:
        at = self._at + distance
        if at < len(self._text):
            return self._text[at]
        if self._whole:
            return "\n"
        raise Undecided

    def _skip_time(self) -> None:
        """Go over a time in brackets, which chat logs have before a label."""
        if self._peek() not in "[(" or not self._peek(1).isdecimal():
            return
        closer, length = _CLOSERS[self._peek()], 1
        while self._peek(length) in _TIME_SIGNS and length < _LONGEST_TIME:
            length += 1
        if self._peek(length) != closer or ":" not in self._text[self._at : self._at + length]:
            return
        length += 1
        while self._peek(length) in _BLANKS and length < _LONGEST_TIME + 2:
            length += 1
        self._at = self._begin = self._at + length

    def _opening(self) -> tuple[str, int] | None:
        """Go over the marks before the name, and return the name with its length."""
        while self._at - self._begin <= _MOST_MARKS:
            if found := self._names.longest_at(self._peek):
                return found
            sign = self._peek()
            if sign in _CLOSERS:
                self._open.append(sign)
                if sign in "*_~`" and self._peek(1) in _BLANKS:  # the sign of a list
                    return None
            elif sign not in "#@ " and not _is_symbol(sign):
                return None
            self._at += 1
        return None

    def _behind_name(self) -> LineLabel | None:
        """Go over marks, blanks and asides behind the name, up to a colon or what stands for one."""
        asides = between = 0
        while between <= _MOST_BETWEEN:
            sign, between = self._peek(), between + 1
            if sign in COLONS:
                return self._behind_colon()
            if self._open and sign == _CLOSERS[self._open[-1]]:
                self._close()
            elif sign in _BLANKS or _is_symbol(sign):
                self._at += 1
            elif sign in _ASIDES and asides < 2 and self._text[self._at - 1] != "]":
                asides += 1
                if not self._skip_aside(_CLOSERS[sign]):
                    return None
            else:
                return self._without_colon(sign)
        return None

    def _close(self) -> None:
        self._open.pop()
        self._at += 1
        self._has_closed = True

    def _skip_aside(self, closer: str) -> bool:
        for distance in range(1, _LONGEST_ASIDE):
            sign = self._peek(distance)
            if sign in LINE_ENDS:
                return False
            if sign == closer:
                self._at += distance + 1
                return True
        return False

    def _behind_colon(self) -> LineLabel | None:
        ascii_colon = self._peek() == ":"
        self._at += 1
        if ascii_colon and (self._peek() == "/" or self._is_smiley()):
            return None
        while self._peek() in COLONS:
            self._at += 1
        closed = len(self._open)
        while self._open and self._peek() == _CLOSERS[self._open[-1]]:
            self._close()
        separate = closed > len(self._open) or not ascii_colon or self._peek() in _BLANKS + LINE_ENDS
        return self._label(self._at, separate)

    def _is_smiley(self) -> bool:
        """Return whether the colon before this place has a mouth and stands alone: ":)", ":-D"."""
        mouth = int(self._peek() in _NOSES)
        sign = self._peek(mouth)
        closes = bool(self._open) and sign == _CLOSERS[self._open[-1]]
        return sign in _MOUTHS and not closes and self._peek(mouth + 1) in _BLANKS + LINE_ENDS

    def _without_colon(self, sign: str) -> LineLabel | None:
        """Return the label of a name in brackets, before a dash, or alone in its line."""
        marks, last = self._marks, self._text[self._at - 1]
        if self._open:
            return None
        if sign in LINE_ENDS:
            return self._label_before_words(is_bare=not self._has_closed and "#" not in marks)
        if sign == ">" and last not in _BLANKS and self._peek(1) in _BLANKS:
            return self._label(self._at + 1)
        if not self._has_closed:
            return None
        if sign in _DASHES and last in _BLANKS and self._peek(1) in _BLANKS:
            return self._label(self._at + 1)
        in_brackets = last in _BLANKS and any(mark in marks for mark in "[<［＜【")
        return self._label(self._at) if in_brackets or "【" in marks else None

    def _label_before_words(self, is_bare: bool) -> LineLabel | None:
        """Return the label of a name that is alone in its line, where any words follow."""
        label = replace(self._label(self._at), is_bare=is_bare)
        return label if label.start < len(self._text) else None

    def _label(self, end: int, separate: bool = True) -> LineLabel:
        """Return the label; blanks and empty lines behind it belong to it."""
        space = _SPACE.match(self._text, end)
        start = space.end() if space else end
        if start >= len(self._text) and not self._whole:
            raise Undecided
        return LineLabel(self._name, self._written, start, "".join(self._open), separate)


def _is_symbol(sign: str) -> bool:
    """Return whether a character is a picture, or a part of one."""
    return sign in "\u200d\ufe0f" or (sign > "\x7f" and unicodedata.category(sign) in ("So", "Sk"))
