"""Plain text with formatted spans: what a platform of entities shows for Markdown."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

SpanKind = Literal[
    "bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "blockquote"
]
SPAN_KINDS: tuple[SpanKind, ...] = get_args(SpanKind)
OPAQUE = frozenset({"code", "pre", "text_link"})  # no other such span lies within one of these
_FORMATS = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})


@dataclass(frozen=True, slots=True)
class TextSpan:
    """The characters [start, end) of a text, shown as `kind`.

    `argument` is the language of a "pre" and the address of a "text_link".
    """

    kind: SpanKind
    start: int
    end: int
    argument: str = ""


@dataclass(frozen=True, slots=True)
class FormattedText:
    """A text and its spans, by start; of spans that begin together the longer comes first. None cross."""

    text: str
    spans: tuple[TextSpan, ...] = ()

    def clip(self, start: int, end: int) -> "FormattedText":
        """Return the characters [start, end), with the spans as far as they lie within."""
        clipped = (
            replace(span, start=max(span.start, start) - start, end=min(span.end, end) - start)
            for span in self.spans
            if span.start < end and span.end > start
        )
        return FormattedText(self.text[start:end], tuple(span for span in clipped if span.end > span.start))

    def stripped(self) -> "FormattedText":
        """Return the text without blank ends; the first line of code keeps its indentation."""
        start = len(self.text) - len(self.text.lstrip())
        if any(span.kind == "pre" and span.start < start < span.end for span in self.spans):
            start = self.text.rfind("\n", 0, start) + 1
        return self.clip(start, max(start, len(self.text.rstrip())))


def join_formatted(pieces: Iterable[FormattedText]) -> FormattedText:
    """Return the pieces as one text."""
    texts, spans, at = list[str](), list[TextSpan](), 0
    for piece in pieces:
        texts.append(piece.text)
        spans += (replace(span, start=span.start + at, end=span.end + at) for span in piece.spans)
        at += len(piece.text)
    return FormattedText("".join(texts), tuple(spans))


def nested_spans(text: str, spans: Iterable[TextSpan]) -> tuple[TextSpan, ...]:
    """Return spans in order that platforms accept: none blank, and code without other formats within."""
    within = [span for span in spans if text[span.start : span.end].strip()]
    links = sorted((span for span in within if span.kind == "text_link"), key=lambda span: span.start)
    code = [span for span in within if span.kind in ("code", "pre")]
    code = sorted(_outside(code, links), key=lambda span: span.start)
    formats = [span for span in within if span.kind in _FORMATS]
    quotes = [span for span in within if span.kind == "blockquote"]
    kept = {*links, *code, *quotes, *_cut_out(text, formats, code)}
    return tuple(sorted(kept, key=_outermost_first))


def _outermost_first(span: TextSpan) -> tuple[int, int, bool, int]:
    return span.start, -span.end, span.kind != "blockquote", SPAN_KINDS.index(span.kind)


def _outside(spans: Iterable[TextSpan], others: list[TextSpan]) -> Iterable[TextSpan]:
    """Yield the spans that overlap none of the others, which are in order and apart."""
    taken = {at for span in others for at in range(span.start, span.end)}
    return (span for span in spans if span.start not in taken and span.end - 1 not in taken)


def _cut_out(text: str, formats: Iterable[TextSpan], code: list[TextSpan]) -> Iterable[TextSpan]:
    """Yield the pieces of formats outside of code. Of each kind, no two cover the same character."""
    covered = [0] * (len(text) + 1)
    for number, span in enumerate(code, 1):
        covered[span.start : span.end] = [number] * (span.end - span.start)
    borders = [0, *(at for at in range(1, len(text) + 1) if covered[at] != covered[at - 1]), len(text)]
    plain = [(start, end) for start, end in pairwise(borders) if start < end and not covered[start]]
    for kind in _FORMATS:
        merged = _merged([span for span in formats if span.kind == kind])
        for start, end in _intersections(merged, plain):
            if text[start:end].strip():
                yield TextSpan(kind, start, end)  # type: ignore[arg-type]


def _merged(spans: list[TextSpan]) -> list[tuple[int, int]]:
    merged = list[tuple[int, int]]()
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span.end))
        else:
            merged.append((span.start, span.end))
    return merged


def _intersections(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Yield what two lists of ranges share; the ranges of each are in order and apart."""
    number = 0
    for start, end in some:
        while number < len(others) and others[number][1] <= start:
            number += 1
        last = number
        while last < len(others) and others[last][0] < end:
            yield max(start, others[last][0]), min(end, others[last][1])
            last += 1
        number = max(number, last - 1)


def write_spans(spans: Iterable[TextSpan]) -> str:
    """Return spans as JSON, "" for none, as memory keeps them."""
    rows = [[span.kind, span.start, span.end, span.argument] for span in spans]
    return json.dumps(rows, ensure_ascii=False) if rows else ""


def read_spans(written: str) -> tuple[TextSpan, ...]:
    """Return the spans that `write_spans` wrote."""
    return tuple(TextSpan(*row) for row in json.loads(written)) if written else ()
