"""Every step of a run, planned before the first: which lessons, at what rate, and what is done after it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.packing import batches
from training.packing.batches import Step
from training.packing.layout import tokens_of
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample
from training.trainer.stages import Stage

SAVES = 20  # times that a run is saved


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step. `stage` is the number of its stage, `lessons` those of that stage.

    After it, the adapter is judged on what is held out, or the run is saved, or both.
    """

    stage: int
    epoch: int
    lessons: Step
    rate: float
    judged: bool = False
    saved: bool = False


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """Everything that is planned, and where it is written."""

    folder: Path
    stages: Sequence[Stage]
    held: Sequence[TokenizedExample]
    tasks: Sequence[StepPlan]
    recipe: Recipe

    def rows(self, task: StepPlan, processes: int) -> list[list[TokenizedExample]]:
        """The rows of one step."""
        lessons = self.stages[task.stage].rows
        lengths = [len(row.ids) for row in lessons]
        dealt = batches.rows(task.lessons, lengths, self.recipe.row, processes)
        return [[lessons[number] for number in row] or [_silent(lessons[0])] for row in dealt]

    def tokens(self, task: StepPlan) -> int:
        """How many ids a step reads, those that its lessons share once."""
        return sum(tokens_of(row) for row in self.rows(task, 1))

    def learned(self, task: StepPlan) -> int:
        """How many of them it learns."""
        lessons = self.stages[task.stage].rows
        return sum(lessons[number].learned for number in task.lessons)

    def judged(self, processes: int) -> list[list[TokenizedExample]]:
        """What is held out, in rows."""
        if not self.held:
            return []
        lengths = [len(row.ids) for row in self.held]
        dealt = batches.rows(tuple(range(len(lengths))), lengths, self.recipe.row, processes)
        return [[self.held[number] for number in row] or [_silent(self.held[0])] for row in dealt]


def step_plans(stages: Sequence[Stage], recipe: Recipe) -> list[StepPlan]:
    """All steps in order. The same stages and recipe give the same steps."""
    found = [task for number, stage in enumerate(stages) for task in _stage(number, stage, recipe)]
    every = max(1, math.ceil(len(found) / SAVES))
    return [
        replace(task, saved=task.judged or number % every == 0 or number == len(found))
        for number, task in enumerate(found, 1)
    ]


def rate_at(place: int, steps: int, warmup: float, peak: float) -> float:
    """The learning rate of a stage's step: it rises in a straight line, then falls as a cosine to nothing."""
    rising = math.ceil(warmup * steps)
    if place < rising:
        return peak * (place + 1) / (rising + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (place - rising) / max(1, steps - rising)))


def _stage(number: int, stage: Stage, recipe: Recipe) -> list[StepPlan]:
    answers = [row.answers for row in stage.rows]
    together = batches.together([row.ids for row in stage.rows], answers, recipe.batch // 2)
    epochs = [
        batches.epoch(answers, recipe.batch, recipe.seed, epoch, together) for epoch in range(stage.epochs)
    ]
    total = sum(map(len, epochs))
    found = list[StepPlan]()
    for epoch, steps in enumerate(epochs):
        judged = {round(len(steps) * part / recipe.evaluations) for part in range(1, recipe.evaluations + 1)}
        for place, lessons in enumerate(steps, 1):
            rate = rate_at(len(found), total, recipe.warmup, stage.rate)
            found.append(StepPlan(number, epoch, lessons, rate, judged=place in judged))
    return found


def _silent(row: TokenizedExample) -> TokenizedExample:
    """A lesson that teaches nothing, for a process that would have no row in a step that all take part in."""
    return TokenizedExample(row.ids[:2], np.zeros(2, np.float32), 0, row.stage)
