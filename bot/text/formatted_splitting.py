"""Splitting of formatted text into messages, for platforms that format by entities."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate, pairwise

from bot.text.formatted_text import FormattedText, TextSpan
from bot.text.splitting import split_message
from bot.text.visibility import is_visible

MAX_SPANS = 99  # of a message: Telegram takes 100 entities, and a persona's name may be one of them


def split_formatted(
    whole: FormattedText, limit: int, measure: Callable[[str], int]
) -> tuple[FormattedText, ...]:
    """Split a text into parts of at most `limit` units and `MAX_SPANS` spans, each with its spans.

    `measure` counts the units of a text. Parts that show nothing are left out.
    """
    texts = [part.text for part in split_message(whole.text, limit, measure, marks=False)]
    cuts = [0, *accumulate(map(len, texts))]
    parts = [few for part in cut_formatted(whole, cuts) for few in _with_few_spans(part, measure)]
    return tuple(part.stripped() for part in parts if is_visible(part.text))


def cut_formatted(whole: FormattedText, cuts: list[int]) -> Iterator[FormattedText]:
    """Yield the text between each two of the cuts, which are in order, with what of the spans lies there."""
    spans = [list[TextSpan]() for _ in cuts]
    for span in whole.spans:
        number = max(0, bisect_right(cuts, span.start) - 1)
        while number + 1 < len(cuts) and cuts[number] < span.end:
            start, end = cuts[number], cuts[number + 1]
            if max(start, span.start) < min(end, span.end):
                clipped = replace(span, start=max(start, span.start) - start, end=min(end, span.end) - start)
                spans[number].append(clipped)
            number += 1
    for (start, end), within in zip(pairwise(cuts), spans, strict=False):
        yield FormattedText(whole.text[start:end], tuple(within))


def _with_few_spans(part: FormattedText, measure: Callable[[str], int]) -> Iterator[FormattedText]:
    while len(part.spans) > MAX_SPANS:
        room = measure(part.text[: part.spans[MAX_SPANS].start])
        cut = len(split_message(part.text, room, measure, marks=False)[0].text) if room else 0
        if not 0 < cut < len(part.text):
            break
        yield part.clip(0, cut)
        part = part.clip(cut, len(part.text))
    yield part
