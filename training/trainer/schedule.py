"""The schedule of a run: examples and learning rate of every step, planned before the first step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from training.packing import batches
from training.packing.batches import ExampleIndices
from training.packing.layout import packed_length
from training.planning.recipe import Recipe
from training.runs.curve_position import CurvePosition
from training.tokenization.examples import TokenizedExample
from training.trainer.stages import Stage

SAVES = 20  # checkpoints of a run, evenly spread


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step: the indices of its stage and of the stage's examples, and its learning rate.

    `position` is that on the curve of the learning rate. After the step, the adapter is evaluated on the
    validation set (`evaluates`), the run saved (`saves`), and the adapter kept in a folder of its own
    (`keeps`).
    """

    stage: int
    examples: ExampleIndices
    learning_rate: float
    evaluates: bool = False
    saves: bool = False
    keeps: bool = False
    position: CurvePosition | None = None


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """All steps of a run with their examples, and the folder of the run.

    AdamW has made `earlier_updates` before the first step, in a run whose schedule this one continues.
    """

    run_folder: Path
    stages: Sequence[Stage]
    validation: Sequence[TokenizedExample]
    steps: Sequence[StepPlan]
    recipe: Recipe
    earlier_updates: int = 0

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
        lengths = {number: len(examples[number].ids) for number in numbers}
        rows = batches.pack_rows(numbers, lengths, self.recipe.row, processes)
        return [[examples[number] for number in row] or [_without_labels(examples[0])] for row in rows]


def plan_steps(
    stages: Sequence[Stage], recipe: Recipe, earlier: CurvePosition | None = None
) -> list[StepPlan]:
    """Return all steps in order. The same stages and recipe give the same steps.

    The curve of the stage that `earlier` names goes on where an earlier run left it.
    """
    steps = [
        step
        for number, stage in enumerate(stages)
        for step in _stage_steps(
            number, stage, recipe, earlier if earlier and earlier.stage == stage.name else None
        )
    ]
    interval = recipe.save_every or max(1, math.ceil(len(steps) / SAVES))
    return [
        replace(
            step,
            saves=step.evaluates or number % interval == 0 or number == len(steps),
            keeps=recipe.save_every > 0 and number % interval == 0,
        )
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


def _stage_steps(number: int, stage: Stage, recipe: Recipe, earlier: CurvePosition | None) -> list[StepPlan]:
    answers = [each.answers for each in stage.examples]
    groups = batches.group_by_prefix([each.ids for each in stage.examples], answers, recipe.batch // 2)
    epochs = [
        batches.epoch_steps(answers, recipe.batch, recipe.seed, epoch, groups)
        for epoch in range(stage.epochs)
    ]
    curve = curve_of_stage(stage.name, sum(map(len, epochs)), earlier)
    plans = list[StepPlan]()
    for steps in epochs:
        evaluated = {
            round(len(steps) * part / recipe.evaluations) for part in range(1, recipe.evaluations + 1)
        }
        for place, examples in enumerate(steps, 1):
            rate = learning_rate_at(curve.step, curve.steps, recipe.warmup, stage.learning_rate)
            curve = msgspec.structs.replace(curve, step=curve.step + 1)
            plans.append(StepPlan(number, examples, rate, evaluates=place in evaluated, position=curve))
    return plans


def curve_of_stage(stage: str, steps: int, earlier: CurvePosition | None) -> CurvePosition:
    """Return the position of a stage's first step: 0, or where an earlier run left the curve.

    The curve of an earlier run is lengthened where the new steps go beyond its end.
    """
    if earlier is None:
        return CurvePosition(stage, 0, steps)
    return CurvePosition(stage, earlier.step, max(earlier.steps, earlier.step + steps))


def _without_labels(example: TokenizedExample) -> TokenizedExample:
    """Return an example without labels, for a process without a row in a step that all processes run."""
    return TokenizedExample(example.ids[:2], np.zeros(2, np.float32), 0, example.stage)
