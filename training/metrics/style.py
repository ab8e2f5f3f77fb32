"""How somebody writes, counted: lengths, emoji, marks, case and bursts, and how far two people are apart."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import msgspec
from scipy.spatial.distance import jensenshannon

from training.metrics.diversity import distinct, first, repeated, same, words

Histogram = Mapping[str, float]

LENGTHS = ("1-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128-255", "256+")
MANY = 3  # emoji in a message from which on they are not told apart
LONGEST_BURST = 5
_MARKS = {"。": ".", "，": ",", "！": "!", "？": "?", "：": ":", "；": ";", "…": "...", "—": "-", "–": "-"}
_NAMED = (".", ",", "!", "?", "...", ":", ";", "-", "'", '"', "(", ")", "~", "*", "/", "&", "#", "@")
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]")


class Manner(msgspec.Struct, frozen=True):
    """How one set of answers is written.

    `histograms` are shares that sum to 1; `distances` are their Jensen-Shannon distances to what the person
    wrote, from 0 (the same) to 1 (nothing in common), and `distance` is their mean. `distinct` are the shares
    of different ones among runs of 1, 2 and 3 words, `repeated` the share of runs of 4 words that stand in
    another answer of the set too, `same` the share of answers that are one that was given before.
    """

    histograms: dict[str, dict[str, float]]
    distances: dict[str, float]
    distance: float
    distinct: tuple[float, float, float]
    repeated: float
    same: float


def manners(person: Sequence[str], sets: Mapping[str, Sequence[str]]) -> dict[str, Manner]:
    """Each set of answers against what the person wrote; a line of an answer is a message.

    What depends on how much was said is measured on as many words of each set as the smallest one has.
    """
    own = {name: count(person) for name, count in MEASURES.items()}
    least = min(sum(len(words(text)) for text in texts) for texts in sets.values())
    return {name: _manner(own, texts, least) for name, texts in sets.items()}


def _manner(own: Mapping[str, Histogram], texts: Sequence[str], least: int) -> Manner:
    found = {name: count(texts) for name, count in MEASURES.items()}
    apart = {name: round(distance(own[name], found[name]), 4) for name in MEASURES}
    some = first(texts, least)
    return Manner(
        {name: {key: round(share, 4) for key, share in found[name].items()} for name in MEASURES},
        apart,
        round(sum(apart.values()) / len(apart), 4),
        (distinct(some, 1), distinct(some, 2), distinct(some, 3)),
        repeated(some),
        same(some),
    )


def distance(one: Histogram, other: Histogram) -> float:
    """The Jensen-Shannon distance, the root of the divergence in bits (Endres and Schindelin 2003)."""
    keys = sorted({*one, *other})
    p, q = ([each.get(key, 0.0) for key in keys] for each in (one, other))
    if not (any(p) and any(q)):  # nothing was counted: half of the divergence, which scipy cannot normalise
        return math.sqrt(0.5) if any(p) or any(q) else 0.0
    return float(jensenshannon(p, q, base=2))


def messages(texts: Iterable[str]) -> list[str]:
    """The lines of all answers that are not empty."""
    return [line.strip() for text in texts for line in text.splitlines() if line.strip()]


def lengths(texts: Sequence[str]) -> Histogram:
    """Of messages, in characters, by octaves."""
    places = (min(len(line).bit_length() - 2, len(LENGTHS) - 1) for line in messages(texts))
    return _shares((LENGTHS[max(0, place)] for place in places), LENGTHS)


def emoji(texts: Sequence[str]) -> Histogram:
    """Of messages, by how many emoji they have."""
    counts = (min(MANY, len(_EMOJI.findall(line))) for line in messages(texts))
    keys = [*map(str, range(MANY)), f"{MANY}+"]
    return _shares((keys[count] for count in counts), keys)


def marks(texts: Sequence[str]) -> Histogram:
    """All punctuation marks, by kind; a message without any counts once, as "none"."""
    found = chain.from_iterable(_marks(line) or ["none"] for line in messages(texts))
    return _shares(found, ("none", *_NAMED, "other"))


def _marks(line: str) -> list[str]:
    line = line.replace("...", "…")
    marks = (c for c in line if unicodedata.category(c)[0] == "P" or c == "~")
    known = (_MARKS.get(mark, mark) for mark in marks)
    return [mark if mark in _NAMED else "other" for mark in known]


def case(texts: Sequence[str]) -> Histogram:
    """Of messages, by where their capital letters are."""
    kinds = ("small letters only", "first one capital", "capitals inside", "capitals only", "no letters")
    return _shares((kinds[_case(line)] for line in messages(texts)), kinds)


def _case(line: str) -> int:
    letters = [c for c in line if c.isupper() or c.islower()]
    if not letters:
        return 4
    if all(map(str.islower, letters)):
        return 0
    if all(map(str.isupper, letters)) and len(letters) > 1:
        return 3
    return 1 if letters[0].isupper() and not any(map(str.isupper, letters[1:])) else 2


def bursts(texts: Sequence[str]) -> Histogram:
    """Of answers, by how many messages they have."""
    counts = (min(LONGEST_BURST, max(1, len(messages([text])))) for text in texts)
    keys = [*map(str, range(1, LONGEST_BURST)), f"{LONGEST_BURST}+"]
    return _shares((keys[count - 1] for count in counts), keys)


def _shares(found: Iterable[str], keys: Sequence[str]) -> Histogram:
    counts = Counter(found)
    total = counts.total()
    return {key: counts[key] / total if total else 0.0 for key in keys}


MEASURES: dict[str, Callable[[Sequence[str]], Histogram]] = {
    "length of messages": lengths,
    "emoji": emoji,
    "punctuation": marks,
    "case": case,
    "messages in a row": bursts,
}
