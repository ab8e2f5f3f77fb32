"""The schedule of a run: examples and learning rate of every step, planned before the first step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.packing import batches
from training.packing.batches import ExampleIndices
from training.packing.layout import packed_length
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample
from training.trainer.stages import Stage

SAVES = 20  # checkpoints of a run, evenly spread


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step: the indices of its stage and of the stage's examples, and its learning rate.

    After the step, the adapter is evaluated on the validation set (`evaluates`), the run saved (`saves`).
    """

    stage: int
    examples: ExampleIndices
    learning_rate: float
    evaluates: bool = False
    saves: bool = False


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """All steps of a run with their examples, and the folder of the run."""

    run_folder: Path
    stages: Sequence[Stage]
    validation: Sequence[TokenizedExample]
    steps: Sequence[StepPlan]
    recipe: Recipe

    def step_rows(self, step: StepPlan, processes: int) -> list[list[TokenizedExample]]:
        """Return the packed rows of a step, a multiple of `processes`."""
        return self._rows(self.stages[step.stage].examples, step.examples, processes)

    def step_tokens(self, step: StepPlan) -> int:
        """Return the number of tokens that a step reads, each shared prefix counted once."""
        return sum(packed_length(row) for row in self.step_rows(step, 1))

    def step_labels(self, step: StepPlan) -> int:
        """Return the number of labels of a step."""
        examples = self.stages[step.stage].examples
        return sum(examples[number].learned for number in step.examples)

    def validation_rows(self, processes: int) -> list[list[TokenizedExample]]:
        """Return the packed rows of the validation set, a multiple of `processes`."""
        if not self.validation:
            return []
        return self._rows(self.validation, tuple(range(len(self.validation))), processes)

    def _rows(
        self, examples: Sequence[TokenizedExample], numbers: ExampleIndices, processes: int
    ) -> list[list[TokenizedExample]]:
        lengths = [len(each.ids) for each in examples]
        rows = batches.pack_rows(numbers, lengths, self.recipe.row, processes)
        return [[examples[number] for number in row] or [_without_labels(examples[0])] for row in rows]


def plan_steps(stages: Sequence[Stage], recipe: Recipe) -> list[StepPlan]:
    """Return all steps in order. The same stages and recipe give the same steps."""
    steps = [step for number, stage in enumerate(stages) for step in _stage_steps(number, stage, recipe)]
    interval = max(1, math.ceil(len(steps) / SAVES))
    return [
        replace(step, saves=step.evaluates or number % interval == 0 or number == len(steps))
        for number, step in enumerate(steps, 1)
    ]


def learning_rate_at(step: int, steps: int, warmup: float, peak: float) -> float:
    """Return the learning rate of a stage's step: linear warmup, then a cosine to zero.

    `warmup` is the share of the stage's steps.
    """
    rising = math.ceil(warmup * steps)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _stage_steps(number: int, stage: Stage, recipe: Recipe) -> list[StepPlan]:
    answers = [each.answers for each in stage.examples]
    groups = batches.group_by_prefix([each.ids for each in stage.examples], answers, recipe.batch // 2)
    epochs = [
        batches.epoch_steps(answers, recipe.batch, recipe.seed, epoch, groups)
        for epoch in range(stage.epochs)
    ]
    total = sum(map(len, epochs))
    plans = list[StepPlan]()
    for steps in epochs:
        evaluated = {
            round(len(steps) * part / recipe.evaluations) for part in range(1, recipe.evaluations + 1)
        }
        for place, examples in enumerate(steps, 1):
            rate = learning_rate_at(len(plans), total, recipe.warmup, stage.learning_rate)
            plans.append(StepPlan(number, examples, rate, evaluates=place in evaluated))
    return plans


def _without_labels(example: TokenizedExample) -> TokenizedExample:
    """Return an example without labels, for a process without a row in a step that all processes run."""
    return TokenizedExample(example.ids[:2], np.zeros(2, np.float32), 0, example.stage)
