"""A text in which details are replaced round by round, each found one in offsets of the original."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from training.scrub.detectors.span import Found, Span

Placeholder = Callable[[Span, str], str]  # of a place and the words of the original there


def replaced(
    text: str, found: Sequence[Found], spans: Iterable[Span], placeholder: Placeholder
) -> list[Found]:
    """All details of a text, given those found and the places of new ones in the text without the former.

    A new one swallows the placeholders that it touches, whole.
    """
    whole, index, shift = list[Found](), 0, 0  # `shift`: what an offset gains by the placeholders before it
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
        whole.append(Found(span.kind, start, end, text[start:end], placeholder(span, text[start:end])))
    return [*whole, *found[index:]]


def _growth(one: Found) -> int:
    return len(one.placeholder) - (one.end - one.start)


def applied(text: str, found: Iterable[Found]) -> str:
    """The text with every placeholder in its place."""
    parts, last = list[str](), 0
    for one in found:
        parts += (text[last : one.start], one.placeholder)
        last = one.end
    return "".join((*parts, text[last:]))


def outside(spans: Iterable[Span], places: Sequence[tuple[int, int]]) -> list[Span]:
    """The spans that lie in none of the places, which are sorted and do not overlap."""
    starts = [start for start, _ in places]
    return [span for span in spans if not _is_inside(span, places, bisect_right(starts, span.start) - 1)]


def _is_inside(span: Span, places: Sequence[tuple[int, int]], index: int) -> bool:
    return index >= 0 and span.end <= places[index][1]
