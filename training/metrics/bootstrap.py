"""Figures with their uncertainty: percentile intervals of the bootstrap."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
# Samples, each [..., observations], and axis=-1 -> a figure for each of the leading dimensions.
Statistic = Callable[..., Any]

RESAMPLES = 1000
CONFIDENCE = 0.95  # share of all resamples within an interval


class Estimate(msgspec.Struct, frozen=True):
    """A value with its 95 % percentile interval of the bootstrap (Efron 1979)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def mean_estimate(values: Sequence[float] | Numbers, seed: int) -> Estimate:
    """Estimate the mean of independent values [observations], one at least."""
    return bootstrap_estimate([np.asarray(values, float)], np.mean, seed)


def ratio_estimate(
    parts: Sequence[float] | Numbers, wholes: Sequence[float] | Numbers, seed: int
) -> Estimate:
    """Estimate sum(parts) / sum(wholes) of pairs that are resampled together; 0 where the wholes sum to 0."""
    pairs = [np.asarray(parts, float), np.asarray(wholes, float)]
    return bootstrap_estimate(pairs, _ratio, seed, paired=True)


def bootstrap_estimate(
    samples: Sequence[Numbers], statistic: Statistic, seed: int, *, paired: bool = False
) -> Estimate:
    """Estimate a statistic of samples that are resampled each on its own, or row by row where `paired`.

    The same samples and seed give the same interval.
    """
    from scipy import stats  # loads in a second, and `import` and `build` do without

    value = low = high = float(statistic(*samples, axis=-1))
    if any(len(sample) > 1 for sample in samples):  # a resample of one observation is that observation
        found = stats.bootstrap(
            samples,
            statistic,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            paired=paired,
            vectorized=True,
            rng=np.random.default_rng(seed),
        )
        low, high = found.confidence_interval
    return Estimate(round(value, 4), round(float(low), 4), round(float(high), 4))


def _ratio(parts: Numbers, wholes: Numbers, axis: int) -> Numbers:
    part, whole = np.sum(parts, axis=axis), np.sum(wholes, axis=axis)
    return divide_or_zero(part, whole, whole != 0)


def divide_or_zero(dividend: Numbers, divisor: Numbers, defined: NDArray[np.bool_]) -> Numbers:
    """Divide elementwise, 0 where the quotient is not defined."""
    quotient: Numbers = np.divide(dividend, divisor, out=np.zeros_like(dividend), where=defined)
    return quotient
