"""Splicing of template text and content into the ids that the model's own tokenizer gives for the whole text.

Control tokens divide a text into sections, and each section is encoded as a whole: a blank at the end of
template text becomes one token with the word behind it. Only template text gives control tokens.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Protocol, runtime_checkable

from bot.sized_cache import SizedCache

_SECTIONS: SizedCache[tuple[tuple[int, ...], ...]] = SizedCache(1_000_000)  # characters of the sections

SectionToken = tuple[
    int, int, int
]  # an id, and its first and last character in the section, the last excluded


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A stretch of a prompt's text, content or the template's; one that `has_control` gives control ids."""

    text: str
    is_content: bool
    has_control: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Text between two control tokens; `content` are spans of characters. `is_first`: it begins the text."""

    text: str
    is_first: bool
    content: tuple[tuple[int, int], ...]


@runtime_checkable
class SectionEncoder(Protocol):
    """A tokenizer that encodes a text by its sections; one that cannot encodes its pieces apart."""

    def split_control(self, template: str) -> Sequence[str | int]:
        """Split a template's own text into control ids and the sections of text between them."""

    def encode_section(self, section: Section) -> Sequence[SectionToken]:
        """Encode text between control tokens, of which content gives no control id."""


def splice_pieces(pieces: Sequence[TextPiece], encoder: SectionEncoder) -> list[list[int]]:
    """Return the ids of each piece; an id with characters of several belongs to the first one of content."""
    ids = [list[int]() for _ in pieces]
    parts, is_first = list[_Part](), True
    for index, piece in enumerate(pieces):
        text = valid_text(piece.text)
        for part in encoder.split_control(text) if piece.has_control else (text,):
            if isinstance(part, str):
                parts.append((index, part, piece.is_content))
                continue
            _encode_section(parts, encoder, is_first, ids)
            ids[index].append(part)
            parts, is_first = [], False
    _encode_section(parts, encoder, is_first, ids)
    return ids


_Part = tuple[int, str, bool]  # the index of a piece, text of it, and whether that is content


def _encode_section(
    parts: Sequence[_Part], encoder: SectionEncoder, is_first: bool, ids: list[list[int]]
) -> None:
    """Append the ids of a section's parts."""
    parts = [part for part in parts if part[1]]
    if parts:
        key = encoder, is_first, tuple(part[1:] for part in parts)
        if not (found := _SECTIONS.find(key)):
            found = _split_section(parts, encoder, is_first), sum(len(part[1]) for part in parts)
            _SECTIONS.add(key, *found)
        for part, own in zip(parts, found[0], strict=True):
            ids[part[0]] += own


def _split_section(
    parts: Sequence[_Part], encoder: SectionEncoder, is_first: bool
) -> tuple[tuple[int, ...], ...]:
    """Encode a section, and return the ids of each part."""
    starts = [0, *accumulate(len(text) for _, text, _ in parts)]
    content = tuple(span for span, part in zip(pairwise(starts), parts, strict=True) if part[2])
    section = Section("".join(text for _, text, _ in parts), is_first, content)
    tokens = encoder.encode_section(section)
    ids = [token[0] for token in tokens]
    cuts = [*_cuts(tokens, parts, starts[:-1]), len(tokens)]
    return tuple(tuple(ids[first:last]) for first, last in pairwise(cuts))


def _cuts(tokens: Sequence[SectionToken], parts: Sequence[_Part], starts: Sequence[int]) -> list[int]:
    """Return the index of the first token of each part; `starts` are the parts' first characters."""
    cuts, firsts = [0], [token[1] for token in tokens] if len(parts) > 1 else []
    for part, start in enumerate(starts[1:], 1):
        at = bisect_left(firsts, start)
        while at and tokens[at - 1][2] > start and _owner(tokens[at - 1], parts, starts) >= part:
            at -= 1
        cuts.append(max(cuts[-1], at))
    return cuts


def _owner(token: SectionToken, parts: Sequence[_Part], starts: Sequence[int]) -> int:
    """Return the index of the part that a token with characters of several belongs to."""
    first = bisect_right(starts, token[1]) - 1
    touched = range(first, bisect_left(starts, token[2]))
    return next((part for part in touched if parts[part][2]), first)


def valid_text(text: str) -> str:
    """Replace lone surrogates by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
