"""Steps and rows: every lesson once an epoch, steps alike in answers, rows short enough, the same by seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.packing import batches
from training.trainer.schedule import rate_at

ANSWERS = st.lists(st.integers(1, 40), min_size=1, max_size=80)
LENGTHS = st.lists(st.integers(2, 900), min_size=1, max_size=60)


@given(ANSWERS, st.integers(1, 40), st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_has_every_lesson_once_and_is_the_same_for_the_same_seed(
    answers: list[int], batch: int, seed: int, number: int
) -> None:
    steps = batches.epoch(answers, batch, seed, number)
    assert sorted(lesson for step in steps for lesson in step) == list(range(len(answers)))
    assert steps == batches.epoch(answers, batch, seed, number)
    assert all(steps)


@given(ANSWERS, st.integers(1, 40))
def test_a_step_has_as_many_answers_as_whole_lessons_allow(answers: list[int], batch: int) -> None:
    steps = batches.epoch(answers, batch, 1, 0)
    most = sum(answers) / max(1, min(len(answers), round(sum(answers) / batch)))
    assert all(sum(answers[lesson] for lesson in step) < most + max(answers) for step in steps)


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    answers = [1] * 64
    orders = {tuple(batches.epoch(answers, 8, seed, number)) for seed in (1, 2) for number in (0, 1, 2)}
    assert len(orders) == 6


@given(LENGTHS, st.integers(64, 1000), st.integers(1, 4))
def test_rows_hold_every_lesson_once_within_their_budget(
    lengths: list[int], budget: int, processes: int
) -> None:
    step = tuple(range(len(lengths)))
    rows = batches.rows(step, lengths, budget, processes)
    assert sorted(lesson for row in rows for lesson in row) == list(step)
    assert len(rows) % processes == 0
    assert all(len(row) < 2 or sum(lengths[lesson] for lesson in row) <= budget for row in rows)


@given(LENGTHS, st.integers(64, 1000))
def test_there_are_no_more_rows_than_needed_twice_over(lengths: list[int], budget: int) -> None:
    rows = batches.rows(tuple(range(len(lengths))), lengths, budget)
    assert len(rows) <= 2 * sum(lengths) / budget + sum(length > budget for length in lengths) + 1


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine_to_nothing() -> None:
    rates = [round(rate_at(place, 10, 0.2, 1.0), 4) for place in range(11)]
    assert rates == [0.3333, 0.6667, 1.0, 0.9619, 0.8536, 0.6913, 0.5, 0.3087, 0.1464, 0.0381, 0.0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=60), st.integers(1, 12))
def test_lessons_that_begin_alike_stay_together_and_are_not_too_many(
    lessons: list[tuple[int, int]], most: int
) -> None:
    ids = [np.array([kind] * 8 + [100 + place] * 7) for place, (kind, _) in enumerate(lessons)]
    answers = [count for _, count in lessons]
    units = batches.together(ids, answers, most)
    assert [lesson for unit in units for lesson in unit] == list(range(len(lessons)))
    assert all(len({lessons[lesson][0] for lesson in unit}) == 1 for unit in units)
    assert all(len(unit) == 1 or sum(answers[lesson] for lesson in unit) <= most for unit in units)
    steps = batches.epoch(answers, 16, 1, 0, units)
    assert all(any(set(unit) <= set(step) for step in steps) for unit in units)
