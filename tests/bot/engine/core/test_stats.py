"""Counters and times of the engine, by a clock that the test sets."""

import pytest

from bot.engine.core.stats import RECENT_REQUESTS, WINDOW_SECONDS, EngineStats


class Clock:
    """A clock whose seconds the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stats(clock: Clock) -> EngineStats:
    return EngineStats(clock)


def test_all_counters_start_at_zero(stats: EngineStats) -> None:
    assert (stats.tokens_per_second, stats.hit_rate, stats.answered) == (0, 0, 0)
    assert (stats.first_token_quantile(0.5), stats.first_token_quantile(0.95)) == (0, 0)
    assert not stats.is_stuck(0)


def test_speed_is_of_the_tokens_between_the_first_step_and_the_last(stats: EngineStats, clock: Clock) -> None:
    for tokens in (7, 4, 6):
        stats.record_step(tokens)
        clock.now += 0.5
    assert stats.tokens_per_second == pytest.approx(10)


def test_one_step_has_no_speed(stats: EngineStats) -> None:
    stats.record_step(7)
    assert stats.tokens_per_second == 0


def test_steps_at_the_same_moment_have_a_finite_speed(stats: EngineStats) -> None:
    stats.record_step(1)
    stats.record_step(1)
    assert stats.tokens_per_second == pytest.approx(1e6)


def test_old_steps_do_not_count(stats: EngineStats, clock: Clock) -> None:
    stats.record_step(1)
    stats.record_step(1000)
    clock.now += WINDOW_SECONDS
    for tokens in (5, 3):
        stats.record_step(tokens)
        clock.now += 1
    assert stats.tokens_per_second == pytest.approx(3)


def test_an_idle_engine_has_no_speed(stats: EngineStats, clock: Clock) -> None:
    for _ in range(5):
        stats.record_step(10)
        clock.now += 1
    clock.now += WINDOW_SECONDS
    assert stats.tokens_per_second == 0


def test_quantiles_of_first_tokens_go_by_rank(stats: EngineStats) -> None:
    for seconds in (0.9, *[0.1] * 10, *[0.2] * 8, 0.8):
        stats.record_first_token(seconds)
    shares = (0, 0.45, 0.5, 0.89, 0.9, 0.95, 1)
    assert [stats.first_token_quantile(share) for share in shares] == [0.1, 0.1, 0.2, 0.2, 0.8, 0.9, 0.9]


def test_only_the_latest_first_tokens_count(stats: EngineStats) -> None:
    stats.record_first_token(99)
    for _ in range(RECENT_REQUESTS):
        stats.record_first_token(1)
    assert stats.first_token_quantile(1) == 1


def test_the_hit_rate_is_a_share_of_tokens(stats: EngineStats) -> None:
    stats.prompt_tokens, stats.reused_tokens = 400, 100
    assert stats.hit_rate == 0.25


def test_a_step_is_stuck_when_it_takes_longer_than_that(stats: EngineStats, clock: Clock) -> None:
    stats.step_started = clock.now
    clock.now += 20
    assert not stats.is_stuck(20)
    clock.now += 0.1
    assert stats.is_stuck(20)
    stats.step_started = None
    assert not stats.is_stuck(20)
