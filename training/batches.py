"""Which lessons are learned in which step, and which of them share a row: the same for the same seed."""

import heapq
import math
from collections.abc import Sequence

import numpy as np

Step = tuple[int, ...]  # the numbers of the lessons that one step learns from


def epoch(answers: Sequence[int], batch: int, seed: int, number: int) -> list[Step]:
    """The steps of one epoch: every lesson once, in an order of that epoch's own.

    A step has `batch` answers, as nearly as whole lessons allow; `answers` are those of each lesson.
    """
    order = np.random.default_rng([seed, number]).permutation(len(answers))
    sizes = np.asarray(answers)[order]
    count = max(1, min(len(answers), round(int(sizes.sum()) / batch)))
    before = np.cumsum(sizes) - sizes
    places = before * count // max(1, int(sizes.sum()))
    steps = [tuple(order[places == place].tolist()) for place in range(count)]
    return [step for step in steps if step]


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
