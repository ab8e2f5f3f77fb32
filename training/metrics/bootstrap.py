"""A figure with its uncertainty: the interval in which it would lie if other samples had been drawn."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

RESAMPLES = 1000
SHARE = 0.95  # of all resamples that lie within an interval


class Estimate(msgspec.Struct, frozen=True):
    """A value, and the 95 % percentile interval of the bootstrap (Efron 1979)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def mean(values: Sequence[float] | Numbers, seed: int) -> Estimate:
    """The mean of values that were drawn one by one; there must be at least one."""
    return estimate_of([np.asarray(values, float)], lambda drawn: float(drawn[0].mean()), seed)


def ratio(parts: Sequence[float] | Numbers, wholes: Sequence[float] | Numbers, seed: int) -> Estimate:
    """The sum of parts by the sum of wholes, of which each pair was drawn together; 0 of nothing."""
    pairs = np.stack([np.asarray(parts, float), np.asarray(wholes, float)], axis=1)

    def share(drawn: Sequence[Numbers]) -> float:
        part, whole = drawn[0].sum(axis=0)
        return float(part / whole) if whole else 0.0

    return estimate_of([pairs], share, seed)


def estimate_of(
    samples: Sequence[Numbers], figure: Callable[[Sequence[Numbers]], float], seed: int
) -> Estimate:
    """A figure of samples that were drawn apart from each other; each sample's rows are drawn anew."""
    dice = np.random.default_rng(seed)
    drawn = [
        figure([sample[dice.integers(0, len(sample), len(sample))] for sample in samples])
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Estimate(round(figure(samples), 4), round(float(low), 4), round(float(high), 4))
