"""Replacement of details in several rounds, with every replacement in offsets of the original text."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from training.scrub.detectors.span import PrivateSpan, Replacement

Placeholder = Callable[[PrivateSpan, str], str]  # from a span and the original words there


def replace_spans(
    text: str, found: Sequence[Replacement], spans: Iterable[PrivateSpan], placeholder: Placeholder
) -> list[Replacement]:
    """Return all replacements of a text: the earlier ones, `found`, and new ones.

    `spans` are offsets in the text with the earlier replacements applied. A new replacement swallows every
    placeholder that it touches, whole.
    """
    whole, index, shift = (
        list[Replacement](),
        0,
        0,
    )  # `shift`: the growth by the placeholders before
    for span in spans:
        while index < len(found) and found[index].start + shift + len(found[index].placeholder) <= span.start:
            whole.append(found[index])
            shift += _growth(found[index])
            index += 1
        start, end = span.start - shift, -1
        while index < len(found) and found[index].start + shift < span.end:
            start = min(start, found[index].start)
            end = found[index].end if span.end <= found[index].end + shift + _growth(found[index]) else -1
            shift += _growth(found[index])
            index += 1
        end = span.end - shift if end < 0 else end
        whole.append(Replacement(span.kind, start, end, text[start:end], placeholder(span, text[start:end])))
    return [*whole, *found[index:]]


def _growth(replacement: Replacement) -> int:
    return len(replacement.placeholder) - (replacement.end - replacement.start)


def apply_replacements(text: str, found: Iterable[Replacement]) -> str:
    """Return the text with its placeholders."""
    parts, last = list[str](), 0
    for replacement in found:
        parts += (text[last : replacement.start], replacement.placeholder)
        last = replacement.end
    return "".join((*parts, text[last:]))


def spans_outside(spans: Iterable[PrivateSpan], places: Sequence[tuple[int, int]]) -> list[PrivateSpan]:
    """Return the spans that lie in none of the places (start, end), which are sorted and do not overlap."""
    starts = [start for start, _ in places]
    return [span for span in spans if not _is_inside(span, places, bisect_right(starts, span.start) - 1)]


def _is_inside(span: PrivateSpan, places: Sequence[tuple[int, int]], index: int) -> bool:
    return index >= 0 and span.end <= places[index][1]
