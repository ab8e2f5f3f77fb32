"""Texts as Telegram accepts them: counted in UTF-16 units, without what it drops, mentioning nobody."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from bot.text.formatted_text import OPAQUE, FormattedText, TextSpan
from bot.text.links import is_web_address
from bot.text.splitting import utf16_length
from bot.text.visibility import is_visible

MAX_MESSAGE = 4096  # UTF-16 units in a message (Bot API, sendMessage)
MAX_ENTITIES = 100  # of a message; Telegram drops more
_NO_MENTION = "\u2060"  # the invisible word joiner behind an @ makes a mention plain text
# what Telegram makes a mention of, outside of code and links (tdlib, match_mentions), and a little more
_MENTION = re.compile(r"(?<!\w)@(?=[A-Za-z0-9_]{3,32}(?!\w))")
_MAYBE_MENTION = re.compile(r"@(?=[A-Za-z0-9_]{3})")
_ADDRESS = re.compile(r"(?:https?://|(?<![\w.@/-]))(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?::\d+)?/[^\s<>\"]*")
_ADDRESS_ENDS = "*_~|)'.,:;!?]"
# characters that Telegram drops (tdlib, clean_input_string); it makes a blank of other control characters
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")
_DROPPED = re.compile("[\u202a-\u202e\u0333\u033f\u030a]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_RING = re.compile(".\u030a")  # Telegram drops the ring of "a\u030a", and keeps "å"


def clean_text(text: str) -> str:
    """Return a text as Telegram keeps it: valid Unicode, with no character that it drops or replaces."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _RING.sub(lambda letter: unicodedata.normalize("NFC", letter[0]), _LINE_ENDS.sub("\n", text))
    return _CONTROL.sub(" ", _DROPPED.sub("", text)).replace("\t", "    ")


def sanitize(text: str) -> str:
    """Return a text without formats as sent: clean, with a visible character, without mentions."""
    return _without_mentions(FormattedText(clean_text(text))).text


def defuse(part: FormattedText) -> FormattedText:
    """Return a clean text as sent: without a mention that Telegram would make, and with a visible character.

    Code stays as it is. An address with a name in it becomes a link to itself; any other name gets an
    invisible sign behind its @.
    """
    spans = sorted([*part.spans, *_own_links(part)], key=lambda span: (span.start, -span.end))
    return _without_mentions(FormattedText(part.text, tuple(spans)))


def _without_mentions(part: FormattedText) -> FormattedText:
    if not is_visible(part.text):
        return FormattedText("…")
    opaque = [span for span in part.spans if span.kind in OPAQUE]
    mentions = _outside(opaque, (found.start() for found in _MENTION.finditer(part.text)))
    return _insert(part, [at + 1 for at in mentions])


def _own_links(part: FormattedText) -> Iterator[TextSpan]:
    """Yield links for addresses that hold a name, outside of code and links. No mention is found in these."""
    opaque = [span for span in part.spans if span.kind in OPAQUE]
    found = [address for address in _ADDRESS.finditer(part.text) if "@" in address[0]]
    free = set(_outside(opaque, (address.start() for address in found)))
    borders = sorted({border for span in part.spans for border in (span.start, span.end)})
    for address in (address for address in found if address.start() in free):
        shown = address[0].rstrip(_ADDRESS_ENDS)
        target = shown if "://" in shown else f"http://{shown}"
        end = address.start() + len(shown)
        if is_web_address(target) and not _has_between(borders, address.start(), end):
            yield TextSpan("text_link", address.start(), end, target)


def _has_between(borders: list[int], start: int, end: int) -> bool:
    """Return whether a border lies within a range: a link over it would cross a format."""
    number = bisect_right(borders, start)
    return number < len(borders) and borders[number] < end


def _outside(spans: list[TextSpan], positions: Iterator[int]) -> Iterator[int]:
    """Yield the positions that no span holds; both are in order, and the spans apart."""
    number = 0
    for at in positions:
        while number < len(spans) and spans[number].end <= at:
            number += 1
        if number == len(spans) or at < spans[number].start:
            yield at


def _insert(part: FormattedText, positions: list[int]) -> FormattedText:
    """Return the text with the invisible sign at each position, and the spans moved."""
    if not positions:
        return part
    cuts = [0, *positions, len(part.text)]
    text = _NO_MENTION.join(part.text[start:end] for start, end in pairwise(cuts))
    spans = (
        replace(
            span,
            start=span.start + bisect_right(positions, span.start),
            end=span.end + bisect_left(positions, span.end),
        )
        for span in part.spans
    )
    return FormattedText(text, tuple(spans))


def telegram_length(text: str) -> int:
    """Return the most UTF-16 units that a clean text has as sent, wherever it is cut."""
    return utf16_length(text) + len(_MAYBE_MENTION.findall(text))


def name_line(name: str) -> str:
    """Return the line with a persona's name; empty for a name without a visible character."""
    line = " ".join(name.split())
    return f"{sanitize(line)}\n" if is_visible(line) else ""
