"""Style of answers as histograms: message length, emoji, punctuation, case and burst size."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import msgspec
from scipy.spatial.distance import jensenshannon

from training.metrics.diversity import (
    distinct_share,
    first_words,
    repeated_answers,
    self_repetition,
    split_words,
)

Histogram = Mapping[str, float]

LENGTHS = ("1-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128-255", "256+")
MANY_EMOJI = 3  # in a message; more count as many
LONGEST_BURST = 5  # messages of an answer; more count as many
CASES = ("small letters only", "first one capital", "capitals inside", "capitals only", "no letters")
_ASCII = {"。": ".", "，": ",", "！": "!", "？": "?", "：": ":", "；": ";", "…": "...", "—": "-", "–": "-"}
_NAMED = (".", ",", "!", "?", "...", ":", ";", "-", "'", '"', "(", ")", "~", "*", "/", "&", "#", "@")
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]")


class StyleProfile(msgspec.Struct, frozen=True):
    """The style of one set of answers.

    `histograms` are shares that sum to 1; `distances` are their Jensen-Shannon distances to the person's
    training text, from 0 (the same) to 1 (nothing in common), and `distance` is their mean. `distinct` has
    distinct-1 to distinct-3, `repeated` is the share of 4-grams that stand in another answer of the set too,
    `same` the share of answers that repeat an earlier one.
    """

    histograms: dict[str, dict[str, float]]
    distances: dict[str, float]
    distance: float
    distinct: tuple[float, float, float]
    repeated: float
    same: float


def style_profiles(person: Sequence[str], sets: Mapping[str, Sequence[str]]) -> dict[str, StyleProfile]:
    """Compare each set of answers with the person's text; a line of an answer is a message.

    Diversity depends on the amount of text: it is measured on as many words of each set as the smallest has.
    """
    own = {name: measure(person) for name, measure in MEASURES.items()}
    least = min(sum(len(split_words(text)) for text in texts) for texts in sets.values())
    return {name: _style_profile(own, texts, least) for name, texts in sets.items()}


def _style_profile(own: Mapping[str, Histogram], texts: Sequence[str], words: int) -> StyleProfile:
    found = {name: measure(texts) for name, measure in MEASURES.items()}
    distances = {name: round(histogram_distance(own[name], found[name]), 4) for name in MEASURES}
    answers = first_words(texts, words)
    return StyleProfile(
        {name: {key: round(share, 4) for key, share in found[name].items()} for name in MEASURES},
        distances,
        round(sum(distances.values()) / len(distances), 4),
        (distinct_share(answers, 1), distinct_share(answers, 2), distinct_share(answers, 3)),
        self_repetition(answers),
        repeated_answers(answers),
    )


def histogram_distance(one: Histogram, other: Histogram) -> float:
    """Return the Jensen-Shannon distance in base 2, from 0 to 1 (Endres and Schindelin 2003)."""
    keys = sorted({*one, *other})
    p, q = ([each.get(key, 0.0) for key in keys] for each in (one, other))
    if not (any(p) and any(q)):  # an empty histogram has half of the divergence; scipy would return nan
        return math.sqrt(0.5) if any(p) or any(q) else 0.0
    return float(jensenshannon(p, q, base=2))


def split_messages(texts: Iterable[str]) -> list[str]:
    """Return the lines of all answers that are not empty."""
    return [line.strip() for text in texts for line in text.splitlines() if line.strip()]


def message_lengths(texts: Sequence[str]) -> Histogram:
    """Return the shares of messages by their length in characters, in octaves."""
    octaves = (min(len(line).bit_length() - 2, len(LENGTHS) - 1) for line in split_messages(texts))
    return _shares((LENGTHS[max(0, octave)] for octave in octaves), LENGTHS)


def emoji_counts(texts: Sequence[str]) -> Histogram:
    """Return the shares of messages by their number of emoji."""
    counts = (min(MANY_EMOJI, len(_EMOJI.findall(line))) for line in split_messages(texts))
    keys = [*map(str, range(MANY_EMOJI)), f"{MANY_EMOJI}+"]
    return _shares((keys[count] for count in counts), keys)


def punctuation_marks(texts: Sequence[str]) -> Histogram:
    """Return the shares of punctuation marks by kind; a message without any counts once, as "none"."""
    found = chain.from_iterable(_marks(line) or ["none"] for line in split_messages(texts))
    return _shares(found, ("none", *_NAMED, "other"))


def _marks(line: str) -> list[str]:
    line = line.replace("...", "…")
    marks = (c for c in line if unicodedata.category(c)[0] == "P" or c == "~")
    ascii_marks = (_ASCII.get(mark, mark) for mark in marks)
    return [mark if mark in _NAMED else "other" for mark in ascii_marks]


def letter_case(texts: Sequence[str]) -> Histogram:
    """Return the shares of messages by the place of their capital letters."""
    return _shares(map(_case, split_messages(texts)), CASES)


def _case(line: str) -> str:
    small, first, inside, capitals, none = CASES
    letters = [c for c in line if c.isupper() or c.islower()]
    if not letters:
        return none
    if all(map(str.islower, letters)):
        return small
    if all(map(str.isupper, letters)) and len(letters) > 1:
        return capitals
    return first if letters[0].isupper() and not any(map(str.isupper, letters[1:])) else inside


def burst_sizes(texts: Sequence[str]) -> Histogram:
    """Return the shares of answers by their number of messages."""
    counts = (min(LONGEST_BURST, max(1, len(split_messages([text])))) for text in texts)
    keys = [*map(str, range(1, LONGEST_BURST)), f"{LONGEST_BURST}+"]
    return _shares((keys[count - 1] for count in counts), keys)


def _shares(found: Iterable[str], keys: Sequence[str]) -> Histogram:
    counts = Counter(found)
    total = counts.total()
    return {key: counts[key] / total if total else 0.0 for key in keys}


MEASURES: dict[str, Callable[[Sequence[str]], Histogram]] = {
    "length of messages": message_lengths,
    "emoji": emoji_counts,
    "punctuation": punctuation_marks,
    "case": letter_case,
    "messages in a row": burst_sizes,
}
