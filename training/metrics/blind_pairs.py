"""Blind pairs: what the person really said beside what the adapter says, for a human to tell apart."""

from collections.abc import Sequence
from random import Random

import msgspec

from training.dataset.duplicates import normal_form

COUNT = 10


class BlindPair(msgspec.Struct, frozen=True):
    """What was said before, the two answers, and which of them is the person's: 0 or 1."""

    before: tuple[str, ...]
    answers: tuple[str, str]
    real: int


class Spoken(msgspec.Struct, frozen=True):
    """Both answers to the same words."""

    before: tuple[str, ...]
    person: str
    adapter: str


def draw_pairs(spoken: Sequence[Spoken], seed: int) -> tuple[BlindPair, ...]:
    """Ten pairs, or as many as there are: no two of the same words, and none where both say the same."""
    dice = Random(f"pairs {seed}")
    left = {
        (*each.before, each.person): each
        for each in spoken
        if normal_form(each.person) != normal_form(each.adapter)
    }
    chosen = dice.sample(
        sorted(left.values(), key=lambda each: (each.person, each.adapter)), min(COUNT, len(left))
    )
    return tuple(_pair(each, dice.randrange(2)) for each in chosen)


def _pair(spoken: Spoken, real: int) -> BlindPair:
    both = (spoken.person, spoken.adapter)
    return BlindPair(spoken.before, both if real == 0 else both[::-1], real)
