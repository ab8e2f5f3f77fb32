"""The memory that the steps of a run need, by the rows that its data are packed into."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.packing.layout import packed_length
from training.packing.loss import chunk_rows
from training.planning.recipe import Recipe
from training.planning.training_memory import KeptBytes, MemoryParts, ModelSizes, RowLoad, step_memory
from training.tokenization.examples import TokenizedExample
from training.trainer.schedule import TrainingSchedule, plan_steps
from training.trainer.stages import TrainingData, training_stages

HEAVIEST = 8  # rows with most labels, and with most tokens, one of which needs most memory

Row = Sequence[TokenizedExample]


@dataclass(frozen=True, slots=True)
class StepMemory:
    """Estimates the memory of a run's steps by part, for a base model of these sizes and these data."""

    sizes: ModelSizes
    kept: KeptBytes
    data: TrainingData

    def __call__(self, recipe: Recipe) -> MemoryParts:
        """Return the memory of the step that needs most."""
        return self.of_schedule(self._schedule(recipe))

    def heaviest_row(self, recipe: Recipe) -> Row:
        """Return the training row that needs most memory."""
        rows = _heavy_rows(self._schedule(recipe), 1)
        return max(rows, key=lambda row: self._of_loads(recipe, [_load(row)]).total)

    def of_schedule(self, schedule: TrainingSchedule, processes: int = 1) -> MemoryParts:
        """Return the memory of the step of a schedule that needs most."""
        validation = heapq.nlargest(HEAVIEST, schedule.validation_rows(processes), key=_size)
        read = [RowLoad(packed_length(row), 0, 0) for row in validation]
        trained = [_load(row) for row in _heavy_rows(schedule, processes)]
        return self._of_loads(schedule.recipe, [*trained, *read])

    def _of_loads(self, recipe: Recipe, loads: Sequence[RowLoad]) -> MemoryParts:
        labels = max((load.labels for load in loads), default=0)
        logits = min(labels, chunk_rows(self.sizes.vocabulary)) * self.sizes.vocabulary
        return step_memory(self.sizes, self.kept, recipe, loads, logits)

    def _schedule(self, recipe: Recipe) -> TrainingSchedule:
        stages = training_stages(self.data, recipe)
        steps = plan_steps(stages, recipe)
        return TrainingSchedule(Path(), stages, self.data.validation, steps, recipe)


def _heavy_rows(schedule: TrainingSchedule, processes: int) -> list[Row]:
    """Return the rows of training with most labels and those with most tokens."""
    rows = [row for step in schedule.steps for row in schedule.step_rows(step, processes)]
    return [row for key in (label_count, _size) for row in heapq.nlargest(HEAVIEST, rows, key=key)]


def _load(row: Row) -> RowLoad:
    return RowLoad(packed_length(row), label_count(row), _size(row))


def label_count(row: Row) -> int:
    """Return the number of labels of a row."""
    return sum(example.learned for example in row)


def _size(row: Row) -> int:
    return sum(len(example.ids) for example in row)
