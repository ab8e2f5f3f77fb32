"""A short trial before a run: what a step takes on this machine, with this model and these lessons."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from training import memory
from training.corpus import Row
from training.course import Course
from training.learner import Learner
from training.packing import tokens_of
from training.plan import line_through


@dataclass(frozen=True, slots=True)
class Trial:
    """Seconds and bytes, of a whole run."""

    seconds: float
    bytes: int


def measure(course: Course, learner: Learner, processes: int) -> Trial:
    """Learn nothing from the longest row and from one of middling length, and count up from there."""
    rows = [row for task in course.tasks for row in course.rows(task, processes) if row]
    held = [row for row in course.judged(processes) if row]
    rows.sort(key=tokens_of)
    memory.forget_peak(course.recipe.device)
    middle = rows[len(rows) // 2]
    learner.learn([middle] * processes, 0.0, 0)  # the first one prepares kernels
    quick = (tokens_of(middle), _seconds(learner, [middle] * processes))
    slow = (tokens_of(rows[-1]), _seconds(learner, [rows[-1]] * processes))
    took = line_through(quick, slow)
    learning = sum(took(tokens_of(row)) for row in rows)
    began = time.perf_counter()
    judged = (held or [middle])[0]
    learner.judge([judged] * processes)
    judging = (time.perf_counter() - began) / tokens_of(judged) * sum(map(tokens_of, held))
    times = sum(task.judged for task in course.tasks)
    learner.forget()
    return Trial((learning + judging * times) / processes, memory.peak(course.recipe.device))


def _seconds(learner: Learner, rows: Sequence[Sequence[Row]]) -> float:
    """How long a step with these rows takes, which teaches nothing; the shorter of two, as others may run."""
    times = []
    for _ in range(2):
        began = time.perf_counter()
        learner.learn(rows, 0.0, 0)
        times.append(time.perf_counter() - began)
    return min(times)
