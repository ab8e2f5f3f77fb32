"""Masked links, [words](address): Discord shows the words alone, so that they can claim another address."""

import re

from bot.text.markdown import FormatSpan, code_spans

_LINK = re.compile(r"\]\(")
_TARGET = re.compile(r"\s*(?:<\s*)?[A-Za-z][A-Za-z0-9+.-]*:")
_MARKS = "*_~|"


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
    """The code of a text, asked for growing positions."""

    def __init__(self, text: str) -> None:
        self._text, self._spans = text, code_spans(text)
        self._span: FormatSpan | None = next(self._spans, None)
        self._first = {sign: text.find(sign) for sign in [*_MARKS, "["]}
        self._is_sure: bool | None = None

    def keeps(self, at: int) -> bool:
        """Return whether the "](" at a position is code, and shows no link even where Discord errs."""
        while self._span and self._span.closing_end <= at:
            self._span, self._is_sure = next(self._spans, None), None
        if self._span is None or at < self._span.opening_start:
            return False
        if not _TARGET.match(self._text, at + 2):
            return True
        if self._is_sure is None:
            self._is_sure = self._is_code_for_discord(self._span)
        return self._is_sure and self._has_own_bracket(self._span, at)

    def _is_code_for_discord(self, span: FormatSpan) -> bool:
        """Return whether nothing before the span can take a part of it: the first rule that fits wins."""
        text = self._text
        before, content = (
            text[max(0, span.opening_start - 1) : span.opening_start],
            text[span.start : span.end],
        )
        if before and not before.isspace():
            return False
        if not span.opening.startswith("```") and "\n" in content:
            return False
        return not any(0 <= self._first[sign] < span.opening_start and sign in content for sign in _MARKS)

    def _has_own_bracket(self, span: FormatSpan, at: int) -> bool:
        """Return whether the bracket closes one within the code, and so no words that begin before it."""
        if not 0 <= self._first["["] < span.opening_start:
            return True
        opening = self._text.rfind("[", span.start, at)
        return opening > self._text.rfind("]", span.start, at)
