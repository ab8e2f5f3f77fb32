"""Spans of Discord's Markdown in a text, and the spans that a cut would leave open."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

# an escaped sign, or a run of one sign that may be a mark
_TOKEN = re.compile(r"\\[^\sA-Za-z0-9]|(`+|\*+|_+|~~+|\|\|+)")
_FENCE = re.compile(r"```(?:([\w+.#-]+)\r?\n)?", re.ASCII)
_BLANK = re.compile(r"\s*")
_WORD = re.compile(r"\w", re.ASCII)
MARKS = {  # what a run of signs may be, outermost first; longer runs are rules and blanks to fill in
    **{run: (run,) for run in ("*", "**", "_", "__", "~~", "||")},
    "***": ("**", "*"),
    "___": ("__", "_"),
}


@dataclass(frozen=True, slots=True)
class FormatSpan:
    """A formatted span of a text: [opening_start, closing_end) with its marks, [start, end) without."""

    opening_start: int
    start: int
    end: int
    closing_end: int
    opening: str
    closing: str


class FormatSpans:
    """The formatted spans of a text, by cut: the border between characters `cut - 1` and `cut`."""

    def __init__(self, text: str) -> None:
        spans = list(_spans(text))
        changes = [(span.opening_start, 1, -span.closing_end, span) for span in spans]
        changes += [(span.closing_end - 1, 0, 0, span) for span in spans]
        changes.sort(key=lambda change: change[:3])  # of two that begin together, the longer is outside
        self._positions = [change[0] for change in changes]
        self._states: list[tuple[FormatSpan, ...]] = [()]
        for _, opens, _, span in changes:
            state = self._states[-1]
            self._states.append((*state, span) if opens else tuple(s for s in state if s is not span))

    def open_at(self, cut: int) -> tuple[FormatSpan, ...]:
        """Return the spans that a cut would tear, outermost first."""
        return self._states[bisect_left(self._positions, cut)]


def code_spans(text: str) -> Iterator[FormatSpan]:
    """Yield the spans of code, in order."""
    return (span for span in _spans(text) if span.opening[0] == "`")


def unclosed_marks(text: str) -> list[str]:
    """Return the marks of the last paragraph that nothing closes yet, outermost first; no backticks."""
    pairs, paragraph = _Pairs(text), text.rfind("\n\n")
    for _ in _spans(text, pairs):
        pass
    return [mark for mark, run in pairs.open if run.start() > paragraph]


def _spans(text: str, pairs: "_Pairs | None" = None) -> Iterator[FormatSpan]:
    """Yield a span for each pair of marks that belong together, in time linear in the text."""
    runs: dict[int, list[int]] = defaultdict(list)
    for run in re.finditer("`+", text):
        runs[len(run[0])].append(run.start())
    pairs, at = pairs or _Pairs(text), 0
    while token := _TOKEN.search(text, at):
        at = token.end()
        if token[1] and token[1][0] == "`":
            code = _fence(text, token.start()) if len(token[1]) > 2 else _code(text, token, runs)
            if code:
                yield code
                at = code.closing_end
        elif token[1]:
            yield from pairs.take(token)


def _fence(text: str, begin: int) -> FormatSpan | None:
    """Return a fenced block. One without an end reaches to the end of the text, if it begins a line."""
    fence = _FENCE.match(text, begin)
    assert fence
    close = text.find("```", fence.end())
    opening = f"```{fence[1] or ''}\n"
    if close >= 0:
        return _span(text, begin, fence.end(), close, close + 3, opening, "\n```")
    if text[text.rfind("\n", 0, begin) + 1 : begin].strip():
        return None
    start, end = fence.end(), len(text) + 1
    return FormatSpan(begin, start, end, end, opening, "\n```")


def _code(text: str, token: re.Match[str], runs: dict[int, list[int]]) -> FormatSpan | None:
    """Return inline code, which ends at the next run of as many backticks."""
    ends = runs[len(token[0])]
    found = bisect_right(ends, token.start())
    if found == len(ends):
        return None
    close = ends[found]
    return _span(text, token.start(), token.end(), close, close + len(token[0]), token[0], token[0])


def _span(text: str, begin: int, start: int, end: int, finish: int, opening: str, closing: str) -> FormatSpan:
    """Return a span whose blank borders count as its marks, so that no cut leaves marks around nothing."""
    blank = _BLANK.match(text, start, end)
    assert blank
    start = blank.end()
    return FormatSpan(begin, start, start + len(text[start:end].rstrip()), finish, opening, closing)


class _Pairs:
    """The marks that are open, and the spans that their closing gives."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.open: list[tuple[str, re.Match[str]]] = []  # each mark once at most

    def take(self, run: re.Match[str]) -> Iterator[FormatSpan]:
        """Close the marks that this run of signs closes; if it closes none, open its marks."""
        marks = MARKS.get(run[0], ())
        start, end = run.span()
        before, after = self._text[max(start - 1, 0) : start], self._text[end : end + 1]
        inwards = [mark for mark, _ in self.open if mark in marks and _closes(mark, before, after)]
        for mark in reversed(inwards):
            yield self._close(mark, run)
        if not inwards:
            for mark in marks:
                if _opens(mark, before, after):
                    self.open = [*(pair for pair in self.open if pair[0] != mark), (mark, run)]

    def _close(self, mark: str, run: re.Match[str]) -> FormatSpan:
        """Close a mark. Marks opened within it and not closed are plain text."""
        number = next(number for number, (other, _) in enumerate(self.open) if other == mark)
        opened = self.open[number][1]
        within = [pair for pair in self.open[number + 1 :] if pair[1] is opened]  # of the same "***"
        self.open[number:] = within
        return _span(self._text, opened.start(), opened.end(), run.start(), run.end(), mark, mark)


def _closes(mark: str, before: str, after: str) -> bool:
    return (mark == "||" or not before.isspace()) and not (mark == "_" and _WORD.match(after))


def _opens(mark: str, before: str, after: str) -> bool:
    fits = mark == "||" or not (after or " ").isspace()
    return fits and not (mark == "_" and _WORD.match(before))
