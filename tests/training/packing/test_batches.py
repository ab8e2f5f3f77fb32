"""Steps and rows: every example once an epoch, steps of equal size, short rows, the same by seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.packing import batches
from training.trainer.schedule import learning_rate_at

ANSWERS = st.lists(st.integers(1, 40), min_size=1, max_size=80)
LENGTHS = st.lists(st.integers(2, 900), min_size=1, max_size=60)


@given(ANSWERS, st.integers(1, 40), st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_has_every_example_once_and_is_the_same_for_the_same_seed(
    answers: list[int], batch: int, seed: int, epoch: int
) -> None:
    steps = batches.epoch_steps(answers, batch, seed, epoch)
    assert sorted(example for step in steps for example in step) == list(range(len(answers)))
    assert steps == batches.epoch_steps(answers, batch, seed, epoch)
    assert all(steps)


@given(ANSWERS, st.integers(1, 40))
def test_a_step_has_as_many_answers_as_whole_examples_allow(answers: list[int], batch: int) -> None:
    steps = batches.epoch_steps(answers, batch, 1, 0)
    most = sum(answers) / max(1, min(len(answers), round(sum(answers) / batch)))
    assert all(sum(answers[example] for example in step) < most + max(answers) for step in steps)


def test_epochs_and_seeds_have_different_orders() -> None:
    answers = [1] * 64
    orders = {tuple(batches.epoch_steps(answers, 8, seed, epoch)) for seed in (1, 2) for epoch in (0, 1, 2)}
    assert len(orders) == 6


@given(LENGTHS, st.integers(64, 1000), st.integers(1, 4))
def test_rows_hold_every_example_once_within_their_budget(
    lengths: list[int], budget: int, processes: int
) -> None:
    step = tuple(range(len(lengths)))
    rows = batches.pack_rows(step, lengths, budget, processes)
    assert sorted(example for row in rows for example in row) == list(step)
    assert len(rows) % processes == 0
    assert all(len(row) < 2 or sum(lengths[example] for example in row) <= budget for row in rows)


@given(LENGTHS, st.integers(64, 1000))
def test_there_are_at_most_twice_as_many_rows_as_needed(lengths: list[int], budget: int) -> None:
    rows = batches.pack_rows(tuple(range(len(lengths))), lengths, budget)
    assert len(rows) <= 2 * sum(lengths) / budget + sum(length > budget for length in lengths) + 1


def test_the_learning_rate_has_a_linear_warmup_and_a_cosine_to_zero() -> None:
    rates = [round(learning_rate_at(step, 10, 0.2, 1.0), 4) for step in range(11)]
    assert rates == [0.3333, 0.6667, 1.0, 0.9619, 0.8536, 0.6913, 0.5, 0.3087, 0.1464, 0.0381, 0.0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=60), st.integers(1, 12))
def test_examples_that_share_a_prefix_stay_in_one_step_up_to_a_number_of_answers(
    examples: list[tuple[int, int]], max_answers: int
) -> None:
    ids = [np.array([prefix] * 8 + [100 + place] * 7) for place, (prefix, _) in enumerate(examples)]
    answers = [count for _, count in examples]
    groups = batches.group_by_prefix(ids, answers, max_answers)
    assert [example for group in groups for example in group] == list(range(len(examples)))
    assert all(len({examples[example][0] for example in group}) == 1 for group in groups)
    assert all(len(group) == 1 or sum(answers[each] for each in group) <= max_answers for group in groups)
    steps = batches.epoch_steps(answers, 16, 1, 0, groups)
    assert all(any(set(group) <= set(step) for step in steps) for group in groups)
