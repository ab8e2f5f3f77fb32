"""Which lessons are learned in which step, and which of them share a row: the same for the same seed."""

import heapq
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.tokenization.examples import common_prefix

Step = tuple[int, ...]  # the numbers of the lessons that one step learns from


def together(ids: Sequence[NDArray[Any]], answers: Sequence[int], most: int) -> list[Step]:
    """Lessons in a row that begin alike for more than half of their length, which are read in one step.

    No more than `most` answers are put together; `answers` are those of each lesson.
    """
    found, count = list[list[int]](), 0
    for number, own in enumerate(ids):
        alike = number > 0 and 2 * common_prefix(ids[number - 1], own) > len(own)
        if alike and count + answers[number] <= most:
            found[-1].append(number)
            count += answers[number]
        else:
            found.append([number])
            count = answers[number]
    return [tuple(each) for each in found]


def epoch(
    answers: Sequence[int], batch: int, seed: int, number: int, together: Sequence[Step] | None = None
) -> list[Step]:
    """The steps of one epoch: every lesson once, in an order of that epoch's own.

    A step has `batch` answers, as nearly as whole lessons allow, and lessons that are `together` stay so.
    """
    units = together if together is not None else [(each,) for each in range(len(answers))]
    order = np.random.default_rng([seed, number]).permutation(len(units))
    sizes = np.array([sum(answers[each] for each in units[unit]) for unit in order])
    count = max(1, min(len(units), round(int(sizes.sum()) / batch)))
    places = (np.cumsum(sizes) - sizes) * count // max(1, int(sizes.sum()))
    steps = list[list[int]]([] for _ in range(count))
    for place, unit in zip(places.tolist(), order.tolist(), strict=True):
        steps[place] += units[unit]
    return [tuple(step) for step in steps if step]


def rows(step: Step, lengths: Sequence[int], budget: int, processes: int = 1) -> list[Step]:
    """The lessons of a step in rows of at most `budget` tokens, alike in length, a multiple of `processes`.

    A longer lesson has a row of its own. Where there are fewer lessons than processes, rows are empty.
    """
    total = sum(lengths[number] for number in step)
    count = _multiple(math.ceil(total / budget), processes)
    while (found := _dealt(step, lengths, budget, count)) is None:
        count += processes
    return found


def _dealt(step: Step, lengths: Sequence[int], budget: int, count: int) -> list[Step] | None:
    """Each lesson, the longest first, to the row that is shortest so far; None where one becomes too long."""
    made: list[list[int]] = [[] for _ in range(count)]
    heap = [(0, place) for place in range(count)]
    for number in sorted(step, key=lambda number: (-lengths[number], number)):
        length, place = heapq.heappop(heap)
        if made[place] and length + lengths[number] > budget:
            return None
        made[place].append(number)
        heapq.heappush(heap, (length + lengths[number], place))
    return [tuple(row) for row in made]


def _multiple(count: int, of: int) -> int:
    return of * max(1, math.ceil(count / of))
