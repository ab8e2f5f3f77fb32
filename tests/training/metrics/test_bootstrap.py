"""Estimates: values with bootstrap intervals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_an_interval_lies_within_the_values_and_around_their_mean(values: list[float]) -> None:
    found = bootstrap.mean_estimate(values, 0)
    assert min(values) - 1e-3 <= found.low <= found.high <= max(values) + 1e-3
    assert found.value == pytest.approx(np.mean(values), abs=1e-3)


def test_an_interval_has_the_width_that_theory_gives() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = bootstrap.mean_estimate(values, 0)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / math.sqrt(400), rel=0.15)
    assert found == bootstrap.mean_estimate(values, 0) != bootstrap.mean_estimate(values, 1)


def test_one_observation_is_its_own_interval() -> None:
    assert bootstrap.mean_estimate([3.0], 0) == Estimate(3.0, 3.0, 3.0)


def test_a_pair_of_samples_is_resampled_each_on_its_own() -> None:
    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(one.mean(axis=axis) - other.mean(axis=axis))

    values = np.random.default_rng(1).normal(5, 2, 400)
    apart = bootstrap.bootstrap_estimate([values, values], difference, 0)
    together = bootstrap.bootstrap_estimate([values, values], difference, 0, paired=True)
    assert apart.high - apart.low == pytest.approx(2 * 1.96 * 2 * math.sqrt(2 / 400), rel=0.15)
    assert (together.low, together.high) == (0.0, 0.0)


def test_a_ratio_weighs_by_its_wholes() -> None:
    assert bootstrap.ratio_estimate([1, 0], [1, 9], 0) == Estimate(0.1, 0.0, 1.0)
    assert bootstrap.ratio_estimate([0], [0], 0) == Estimate(0.0, 0.0, 0.0)
    assert str(Estimate(0.125, 0.1, 0.2)) == "0.12 (0.10 to 0.20)"
