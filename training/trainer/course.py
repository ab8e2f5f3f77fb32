"""A whole run, planned: what is learned in each of its steps, and in which rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.packing import batches
from training.packing.layout import tokens_of
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample
from training.trainer.schedule import StepPlan
from training.trainer.stages import Stage


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


def _silent(row: TokenizedExample) -> TokenizedExample:
    """A lesson that teaches nothing, for a process that would have no row in a step that all take part in."""
    return TokenizedExample(row.ids[:2], np.zeros(2, np.float32), 0, row.stage)
