"""Masked links, [words](address): Discord shows the words alone, so that they can claim another address."""

import re

from bot.text.markdown import FormatSpan, code_spans

_LINK = re.compile(r"\]\(")
_TARGET = re.compile(r"\s*(?:<\s*)?[A-Za-z][A-Za-z0-9+.-]*:")
_MARKS = "*_~|"
_LONGEST_WORDS = 1000  # of a link in code that stays as it is


def show_addresses(text: str) -> str:
    """Return the text with every masked link as words and address.

    Code stays as it is, unless Discord may read it as something else: the address of a link in it is shown.
    """
    if "](" not in text:
        return text
    within, pieces, at = _Code(text), list[str](), 0
    for link in _LINK.finditer(text):
        if not within.keeps(link.start()):
            pieces += [text[at : link.start()], "] ("]
            at = link.end()
    return "".join([*pieces, text[at:]])


class _Code:
    """The code of a text, asked for growing positions.

    Discord reads the first rule that fits, this parser pairs backticks first. Both find the same code where
    the backticks before it are all in such code, and nothing else that begins before it can end within it.
    """

    def __init__(self, text: str) -> None:
        self._text, self._spans = text, code_spans(text)
        self._first = {sign: text.find(sign) for sign in [*_MARKS, "["]}
        self._span: FormatSpan | None = None
        self._end, self._is_sure = 0, True
        self._take_next()

    def keeps(self, at: int) -> bool:
        """Return whether the "](" at a position is code, and shows no link even where Discord errs."""
        while self._span and self._span.closing_end <= at:
            self._take_next()
        if self._span is None or at < self._span.opening_start:
            return False
        if not _TARGET.match(self._text, at + 2):
            return True
        return self._is_sure and self._has_own_bracket(self._span, at)

    def _take_next(self) -> None:
        """Go to the next span; once Discord may read one as something else, no later one is sure."""
        self._span = next(self._spans, None)
        if self._span is None:
            return
        has_ticks = "`" in self._text[self._end : self._span.opening_start]
        self._is_sure = self._is_sure and not has_ticks and self._is_code_for_discord(self._span)
        self._end = self._span.closing_end

    def _is_code_for_discord(self, span: FormatSpan) -> bool:
        """Return whether nothing before the span can take a part of it."""
        before = self._text[max(0, span.opening_start - 1) : span.opening_start]
        content = self._text[span.start : span.end]
        if (
            (before and not before.isspace())
            or span.closing_end > len(self._text)
            or not content.strip("`\n")
        ):
            return False
        if "\n" in self._text[span.opening_start : span.closing_end]:
            line = self._text[self._text.rfind("\n", 0, span.opening_start) + 1 : span.opening_start]
            if line.strip() or not span.opening.startswith("```"):
                return False
        return not any(0 <= self._first[sign] < span.opening_start and sign in content for sign in _MARKS)

    def _has_own_bracket(self, span: FormatSpan, at: int) -> bool:
        """Return whether the bracket closes one within the code, and so no words that begin before it."""
        if not 0 <= self._first["["] < span.opening_start:
            return True
        start = max(span.start, at - _LONGEST_WORDS)
        return self._text.rfind("[", start, at) > self._text.rfind("]", start, at)
