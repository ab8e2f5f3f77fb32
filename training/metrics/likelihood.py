"""The loss of words that were really said, summed up for what they were read with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate, Numbers


@dataclass(frozen=True, slots=True)
class Judged:
    """For each token of an answer its loss in nats, and whether it was the likeliest one."""

    losses: Numbers
    likeliest: NDArray[np.bool_]


class Losses(msgspec.Struct, frozen=True):
    """Loss in nats per token of the held-out answers and their ends, lower is better.

    `sets` is by what the answers were read with; `gain` is by how much the adapter lowered the base model's.
    """

    sets: dict[str, Estimate]
    gain: Estimate
    answers: int
    tokens: int


def losses(found: Mapping[str, Sequence[Judged]], base: str, adapter: str, seed: int) -> Losses:
    """Sum up what was found of the same answers under each name."""
    sums = {name: np.array([each.losses.sum() for each in judged]) for name, judged in found.items()}
    sizes = np.array([len(each.losses) for each in found[base]], float)
    return Losses(
        {name: bootstrap.ratio_estimate(each, sizes, seed) for name, each in sums.items()},
        bootstrap.ratio_estimate(sums[base] - sums[adapter], sizes, seed),
        len(sizes),
        int(sizes.sum()),
    )
