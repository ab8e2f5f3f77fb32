"""Splitting of long replies into messages, where a reader would pause, with formatting carried over."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.text.blocks import read_blocks
from bot.text.markdown import FormatSpan, FormatSpans
from bot.text.visibility import is_visible

# from the best place to cut to the worst: behind a paragraph, a line, a sentence, a word
_SEAMS = [re.compile(seam) for seam in (r"\n{2,}", r"\n", r"[.!?…][\"'”’)]*\s+|[。！？][”’」』）]*", r"\s+")]
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of these letters make a flag
_SIGNS = "`*_~|"
_BLANK = re.compile(r"\s*")
MAX_BURST_MESSAGES = 5  # messages; a model that goes on and on floods nobody


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A piece of a reply. The texts of all parts joined are the reply.

    `before` and `after` are marks that reopen and close the formatting that the cuts tore.
    """

    text: str
    before: str = ""
    after: str = ""

    @property
    def text_to_send(self) -> str:
        """The text without blank ends, which platforms do not show; indented code keeps its own."""
        text = self.text.rstrip() if self.before.endswith("\n") else self.text.strip()
        return self.before + text + self.after


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 code units, the unit of Telegram's Bot API."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split_burst(text: str, most: int = MAX_BURST_MESSAGES) -> list[str]:
    """Split a reply into one message a line. Code and tables stay whole; message `most` holds the rest."""
    messages = list(burst_messages(text))
    return messages if len(messages) <= most else [*messages[: most - 1], "\n".join(messages[most - 1 :])]


def burst_messages(text: str) -> Iterator[str]:
    """Yield each line of a reply that shows something, and fenced code or a table as a whole."""
    for block in read_blocks(text):
        lines = [block.source] if block.kind in ("fence", "table") else block.lines
        yield from filter(is_visible, lines)


def split_message(
    text: str, limit: int | None, measure: Callable[[str], int] = len, *, marks: bool = True
) -> tuple[MessagePart, ...]:
    """Split a reply into parts of at most `limit` units, cut at the best seam of their latter half.

    `measure` counts the units of a text, at least one a character; None is no limit. With `marks`, formatting
    that is open at a cut is closed there and reopened behind it, unless the marks would take more than half
    of the limit. No part is blank: blanks too long to be sent stay with the part before them, and a blank
    text has no parts.
    """
    if not text.strip():
        return ()
    if limit is None or measure(text) <= limit:
        return (MessagePart(text),)
    return tuple(_Splitter(text, limit, measure, FormatSpans(text) if marks else None).parts())


class _Splitter:
    def __init__(
        self, text: str, limit: int, measure: Callable[[str], int], marks: FormatSpans | None
    ) -> None:
        self._text, self._limit, self._measure, self._marks = text, limit, measure, marks

    def parts(self) -> list[MessagePart]:
        parts, at = list[MessagePart](), 0
        while at < len(self._text):
            parts.append(part := self._marked(at) or self._plain(at))
            at += len(part.text)
        return parts

    def _marked(self, at: int) -> MessagePart | None:
        """Return the part from `at` on with its formatting; None if the marks leave too little room."""
        if self._marks is None:
            return None
        marks, start = self._marks, self._behind(at)
        before = "".join(span.opening for span in marks.open_at(at))
        if self._measure(before) > self._limit // 2:
            return None
        cut = self._cut(start, self._end(start, before), lambda cut: self._holds(start, cut, before, marks))
        if cut is None:
            return None
        return MessagePart(self._text[at : self._behind(cut)], before, _closing(marks.open_at(cut)))

    def _plain(self, at: int) -> MessagePart:
        """Return the part from `at` on without marks. If nothing better fits, a visible character is cut."""
        start = self._behind(at)
        seen, end = self._seen(start), self._end(start, "")
        cut = self._cut(start, end, lambda _: True) or next(
            (cut for cut in range(end, seen, -1) if not self._halves(cut)), max(end, seen + 1)
        )
        return MessagePart(self._text[at : self._behind(cut)])

    def _behind(self, at: int) -> int:
        """Return the end of the blanks at `at` if they reach the end of the text or are too many."""
        seen = self._seen(at)
        return seen if seen == len(self._text) or seen - at >= self._limit // 2 else at

    def _seen(self, at: int) -> int:
        blank = _BLANK.match(self._text, at)
        assert blank
        return blank.end()

    def _end(self, start: int, before: str) -> int:
        """Return the farthest end at which the text fits behind these marks; at least one character."""
        low, high = start + 1, min(len(self._text), start + self._limit)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self._measure(before + self._text[start:middle]) <= self._limit
            low, high = (middle, high) if fits else (low, middle - 1)
        return low

    def _cut(self, start: int, end: int, holds: Callable[[int], bool]) -> int | None:
        """Return the best cut up to `end` with a visible character before it."""
        text, seen = self._text, self._seen(start)

        def may(cut: int) -> bool:
            return cut > seen and not self._tears(start, cut) and holds(cut)

        if end == len(text) and may(end):
            return end
        for seam in _SEAMS:
            cuts = [match.end() for match in seam.finditer(text, start, end)]
            latter = (cut for cut in reversed(cuts) if cut - start > (end - start) // 2)
            if cut := next(filter(may, latter), None):
                return cut
        return next(filter(may, range(end, seen, -1)), None)

    def _tears(self, start: int, cut: int) -> bool:
        """Return whether the cut tears a visible character, a mark or an escape."""
        before, after = self._text[cut - 1], self._text[cut : cut + 1]
        if before in _FLAGS and after in _FLAGS:
            return (cut - start - len(self._text[start:cut].rstrip(_FLAGS))) % 2 == 1
        return after != "" and (self._halves(cut) or _joined(before, after))

    def _halves(self, cut: int) -> bool:
        before, after = self._text[cut - 1], self._text[cut : cut + 1]
        same = before == after and before in _SIGNS
        return self._marks is not None and (same or (before == "\\" and not after.isspace()))

    def _holds(self, start: int, cut: int, before: str, marks: FormatSpans) -> bool:
        """Return whether formatting goes on over the cut and its marks leave room for words."""
        spans, text = marks.open_at(cut), self._text[start:cut]
        after = _closing(spans)
        return (
            all(span.start < cut < span.end for span in spans)
            and self._measure(before) + self._measure(after) <= self._limit // 2
            and self._measure(before + text + after) <= self._limit
            and not _clash(spans, text.rstrip()[-1], self._text[cut : cut + self._limit].lstrip()[:1])
        )


def _closing(spans: tuple[FormatSpan, ...]) -> str:
    return "".join(span.closing for span in reversed(spans))


def _clash(spans: tuple[FormatSpan, ...], last: str, following: str) -> bool:
    """Return whether the characters beside the cut would run together with the marks put there."""
    if not spans or spans[-1].closing.startswith("\n"):  # a fence keeps to lines of its own
        return False
    inner = spans[-1].closing
    signs = inner if inner[0] == "`" else "\\" + _closing(spans)
    return bool({last, following} & set(signs))


def _joined(before: str, after: str) -> bool:
    """Return whether two characters show as one: combining marks, joined emoji, skin tones, line ends."""
    return (
        unicodedata.category(after)[0] == "M"
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U000e0020" <= after <= "\U000e007f"  # the letters within the flag of a region
        or (before, after) == ("\r", "\n")
    )
