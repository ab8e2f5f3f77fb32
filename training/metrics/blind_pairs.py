"""Blind pairs: a real answer beside the adapter's answer to the same messages, for a human to tell apart."""

from collections.abc import Sequence
from random import Random

import msgspec

from training.dataset.duplicates import normal_form

COUNT = 10


class BlindPair(msgspec.Struct, frozen=True):
    """The messages before, two answers, and the index (0 or 1) of the person's answer."""

    before: tuple[str, ...]
    answers: tuple[str, str]
    real: int


class AnswerPair(msgspec.Struct, frozen=True):
    """The person's and the adapter's answer to the same messages."""

    before: tuple[str, ...]
    person: str
    adapter: str


def draw_blind_pairs(pairs: Sequence[AnswerPair], seed: int) -> tuple[BlindPair, ...]:
    """Draw ten pairs, or as many as there are.

    No two pairs have the same messages and person's answer, and in no pair both answers are the same.
    """
    rng = Random(f"pairs {seed}")
    different = {
        (*each.before, each.person): each
        for each in pairs
        if normal_form(each.person) != normal_form(each.adapter)
    }
    candidates = sorted(different.values(), key=lambda each: (each.person, each.adapter))
    drawn = rng.sample(candidates, min(COUNT, len(candidates)))
    return tuple(_blind_pair(each, rng.randrange(2)) for each in drawn)


def _blind_pair(pair: AnswerPair, real: int) -> BlindPair:
    both = (pair.person, pair.adapter)
    return BlindPair(pair.before, both if real == 0 else both[::-1], real)
