"""Examples of each step and examples of each packed row; the same seed gives the same steps and rows."""

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.tokenization.examples import common_prefix

ExampleIndices = tuple[int, ...]  # of one step or of one row
Lengths = Mapping[int, int] | Sequence[int]  # tokens of examples, by index


def group_by_prefix(
    ids: Sequence[NDArray[Any]], answers: Sequence[int], max_answers: int
) -> list[ExampleIndices]:
    """Group neighbouring examples that share more than half of their ids, for one step with one prefix.

    `answers` counts the answers of each example; a group holds `max_answers` at most.
    """
    groups, count = list[list[int]](), 0
    for number, own in enumerate(ids):
        alike = number > 0 and 2 * common_prefix(ids[number - 1], own) > len(own)
        if alike and count + answers[number] <= max_answers:
            groups[-1].append(number)
            count += answers[number]
        else:
            groups.append([number])
            count = answers[number]
    return [tuple(group) for group in groups]


def epoch_steps(
    answers: Sequence[int],
    batch: int,
    seed: int,
    epoch: int,
    groups: Sequence[ExampleIndices] | None = None,
) -> list[ExampleIndices]:
    """Return the steps of one epoch: every example once, in an order of that seed and epoch.

    A step has `batch` answers, as nearly as whole groups of examples allow; an example alone is a group by
    default.
    """
    units = groups if groups is not None else [(number,) for number in range(len(answers))]
    order = np.random.default_rng([seed, epoch]).permutation(len(units))
    sizes = np.array([sum(answers[number] for number in units[unit]) for unit in order])
    count = max(1, min(len(units), round(int(sizes.sum()) / batch)))
    step_of_unit = (np.cumsum(sizes) - sizes) * count // max(1, int(sizes.sum()))
    steps = list[list[int]]([] for _ in range(count))
    for step, unit in zip(step_of_unit.tolist(), order.tolist(), strict=True):
        steps[step] += units[unit]
    return [tuple(step) for step in steps if step]


def pack_rows(
    step: ExampleIndices, lengths: Lengths, budget: int, processes: int = 1
) -> list[ExampleIndices]:
    """Pack the examples of a step into rows of similar length, `budget` tokens at most.

    `lengths` has the tokens of each example of the step. A longer example has a row of its own. The number of
    rows is a multiple of `processes`; with fewer examples than processes, some rows are empty.
    """
    total = sum(lengths[number] for number in step)
    count = processes * max(1, math.ceil(math.ceil(total / budget) / processes))
    while (rows := _pack_into(step, lengths, budget, count)) is None:
        count += processes
    return rows


def _pack_into(
    step: ExampleIndices, lengths: Lengths, budget: int, count: int
) -> list[ExampleIndices] | None:
    """Put each example, longest first, into the shortest of `count` rows; None where a row grows too long."""
    rows: list[list[int]] = [[] for _ in range(count)]
    heap = [(0, row) for row in range(count)]
    for number in sorted(step, key=lambda number: (-lengths[number], number)):
        length, row = heapq.heappop(heap)
        if rows[row] and length + lengths[number] > budget:
            return None
        rows[row].append(number)
        heapq.heappush(heap, (length + lengths[number], row))
    return [tuple(row) for row in rows]
