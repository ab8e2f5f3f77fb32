"""Loss of real answers, summed up by the prompt or the model that they were scored with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate, Numbers


@dataclass(frozen=True, slots=True)
class TokenLosses:
    """Tokens of an answer: `losses` [tokens] in nats, `is_top` [tokens] where a token is the likeliest."""

    losses: Numbers
    is_top: NDArray[np.bool_]


class Losses(msgspec.Struct, frozen=True):
    """Loss in nats per token of the held-out answers and their ends; lower is better.

    `sets` has a loss for each way of scoring; `gain` is the base model's loss less the adapter's.
    """

    sets: dict[str, Estimate]
    gain: Estimate
    answers: int
    tokens: int


def summarise_losses(
    scored: Mapping[str, Sequence[TokenLosses]], base: str, adapter: str, seed: int
) -> Losses:
    """Sum up the losses of the same answers under each name."""
    sums = {name: np.array([each.losses.sum() for each in answers]) for name, answers in scored.items()}
    sizes = np.array([len(each.losses) for each in scored[base]], float)
    return Losses(
        {name: bootstrap.ratio_estimate(each, sizes, seed) for name, each in sums.items()},
        bootstrap.ratio_estimate(sums[base] - sums[adapter], sizes, seed),
        len(sizes),
        int(sizes.sum()),
    )
