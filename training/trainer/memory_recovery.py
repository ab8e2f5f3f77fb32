"""A step whose memory runs out is tried again in shorter rows, then with activations that are computed twice.

A step's rows are backward passes whose gradients add up: the same examples in more rows give the same step.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.runtime.errors import free_memory
from bot.engine.runtime.log_fields import error_fields
from bot.errors import UserError
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample
from training.trainer.lora_learner import LoraLearner
from training.trainer.schedule import TrainingSchedule

logger = logging.getLogger(__name__)

FAULTS = (RuntimeError, MemoryError)  # of a device; other errors of these kinds have no `DeviceFault`


class TooLittleMemory(UserError):
    """A device that does not hold the smallest step of a run."""


def is_recoverable(error: BaseException, learner: LoraLearner, processes: int) -> bool:
    """Return whether a step can be tried again after an error, and log the error if so.

    Several processes wait for each other's gradients: one of them alone cannot try again.
    """
    if device_fault_of(error) is not DeviceFault.OUT_OF_MEMORY or processes > 1 or not learner.answers():
        return False
    logger.warning("training_out_of_memory", extra=error_fields(error))
    return True


def need_less_memory(schedule: TrainingSchedule, learner: LoraLearner) -> TrainingSchedule:
    """Free memory, and return a schedule whose steps need less of it; raises `TooLittleMemory`.

    The learner computes activations twice where the schedule's new recipe has it so.
    """
    learner.drop_gradients()
    free_memory()
    smaller = _smaller_recipe(schedule)
    if smaller is None:
        longest = max(len(each.ids) for stage in schedule.stages for each in stage.examples)
        raise TooLittleMemory(
            f"The memory does not hold a step of one example of up to {longest:,} tokens, even with "
            "activations that are computed twice: build the data again with a smaller --window, choose a "
            "smaller base model, or close other programs that use the memory."
        )
    return with_recipe(schedule, smaller, learner)


def with_recipe(schedule: TrainingSchedule, recipe: Recipe, learner: LoraLearner) -> TrainingSchedule:
    """Return the schedule with another row length or checkpointing, which the learner takes over."""
    if recipe.checkpointing:
        learner.checkpoint_activations()
    return replace(schedule, recipe=recipe)


def _smaller_recipe(schedule: TrainingSchedule) -> Recipe | None:
    recipe = schedule.recipe
    shared = max(map(_shared_size, _all_rows(schedule)), default=0)
    if shared:
        return msgspec.structs.replace(recipe, row=max(1, shared // 2))
    return None if recipe.checkpointing else msgspec.structs.replace(recipe, checkpointing=True)


def _all_rows(schedule: TrainingSchedule) -> list[list[TokenizedExample]]:
    trained = [row for step in schedule.steps for row in schedule.step_rows(step, 1)]
    return [*trained, *schedule.validation_rows(1)]


def _shared_size(row: Sequence[TokenizedExample]) -> int:
    """Return the tokens of a row of several examples, 0 for one example alone."""
    return sum(len(each.ids) for each in row) if len(row) > 1 else 0
