"""Ranges of time for people, and the time that is left of work with uneven steps."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.progress.estimate import TimeRange, WorkEstimate


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.2, 0.9, "0 to 1 s"),
        (41.7, 54.1, "41 to 55 s"),
        (60.0, 60.0, "about 60 s"),
        (95.0, 131.0, "1:30 to 2:20 min"),
        (130.0, 139.0, "2:10 to 2:20 min"),
        (120.0, 120.0, "about 2:00 min"),
        (590.0, 1110.0, "10 to 19 min"),
        (3600.0, 7200.0, "1.0 to 2.0 h"),
    ],
)
def test_a_range_is_told_as_exactly_as_it_is_known(low: float, high: float, shown: str) -> None:
    assert str(TimeRange(low, high)) == shown


@settings(max_examples=200, deadline=None)
@given(
    costs=st.lists(st.floats(50, 150), min_size=120, max_size=200),
    noise=st.lists(st.floats(0.85, 1.15), min_size=200, max_size=200),
    speed=st.floats(1, 1000),
)
def test_at_half_of_the_work_the_range_is_within_a_quarter_of_what_it_takes(
    costs: list[float], noise: list[float], speed: float
) -> None:
    seconds = [cost / speed * factor for cost, factor in zip(costs, noise, strict=False)]
    total = sum(seconds)
    half = next(number for number, done in enumerate(accumulate(seconds), 1) if done >= total / 2)
    estimate = WorkEstimate()
    for cost, took in zip(costs[:half], seconds[:half], strict=True):
        estimate.add(cost, took)
    left = estimate.seconds_for(sum(costs[half:]), sum(costs[half:]))
    assert left is not None
    told = [sum(seconds[:half]) + end for end in (left.low, left.high)]
    assert all(abs(end - total) <= 0.25 * total for end in told)


def test_the_plan_counts_until_a_few_steps_were_measured() -> None:
    estimate, planned = WorkEstimate(), TimeRange(100.0, 200.0)
    assert estimate.seconds_for(10, 10, planned) == planned
    estimate.add(1, 5)
    assert estimate.seconds_for(9, 9, planned) == TimeRange(42.75, 200.0)
    for _ in range(3):
        estimate.add(1, 5)
    assert estimate.seconds_for(6, 6, planned) == TimeRange(28.5, 31.5)


def test_work_that_slows_down_widens_the_range() -> None:
    estimate = WorkEstimate()
    for seconds in (*[1.0] * 10, *[2.0] * 10):
        estimate.add(1, seconds)
    left = estimate.seconds_for(20, 20)
    assert left is not None
    assert (round(left.low, 1), round(left.high, 1)) == (28.5, 42.0)


def test_the_memory_of_an_estimate_is_bounded_and_its_mean_is_exact() -> None:
    estimate = WorkEstimate()
    for _ in range(10_000):
        estimate.add(2, 0.5)
    assert estimate.seconds == 5000
    assert estimate.measurements < 256
    assert estimate.seconds_for(40, 40) == TimeRange(9.5, 10.5)
