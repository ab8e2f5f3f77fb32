"""Training on a pretended card that turns out too small, or that fails for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from tests.fakes.card.card import pretended_card
from tests.fakes.card.training import training_pass
from tests.gpu.training import as_cards_hold, invented_examples, plan_training
from training.distributed.processes import ProcessGroup
from training.trainer.lora_learner import LoraLearner
from training.trainer.memory_recovery import TooLittleMemory, is_recoverable, need_less_memory
from training.trainer.schedule import StepPlan, TrainingSchedule
from training.trainer.stages import Stage

EXAMPLES = invented_examples(4, tokens=1024, labels=400)
STEP = StepPlan(0, (0, 1, 2, 3), 1e-4)
LOST = RuntimeError("CUDA error: unspecified launch failure")


def shallow(config: Any, precision: str) -> Any:
    """Return a model of four layers without values."""
    config.num_hidden_layers, config.layer_types = 4, config.layer_types[:4]
    return as_cards_hold(config, precision)


@contextmanager
def learner_on_the_card() -> Iterator[tuple[LoraLearner, TrainingSchedule]]:
    """Yield a learner, and a schedule of one step whose examples share one row."""
    planned = plan_training("Qwen2.5-0.5B", EXAMPLES, make=shallow)
    recipe = msgspec.structs.replace(planned.recipe, row=8192)
    schedule = TrainingSchedule(Path(), [Stage("dialogue", EXAMPLES, 1, 1e-4)], (), [STEP], recipe)
    with training_pass():
        yield LoraLearner(planned.model, recipe, ProcessGroup("cuda"), planned.name), schedule


def train(learner: LoraLearner, schedule: TrainingSchedule) -> TrainingSchedule:
    """Train the step in shorter rows, as often as the memory runs out; return the schedule that fits."""
    while not fits(learner, schedule):
        schedule = need_less_memory(schedule, learner)
    return schedule


def fits(learner: LoraLearner, schedule: TrainingSchedule) -> bool:
    """Train the step; return False where the memory ran out."""
    try:
        learner.train_step(schedule.step_rows(STEP, 1), 1e-4, 0)
    except torch.OutOfMemoryError as error:
        return not is_recoverable(error, learner, 1)
    return True


@pytest.mark.slow
def test_a_step_that_does_not_fit_is_made_to_fit_by_rows_then_by_checkpointing() -> None:
    with pretended_card() as card, learner_on_the_card() as (learner, schedule):
        assert len(train(learner, schedule).step_rows(STEP, 1)) == 1
        held, needed = card.memory.allocated, card.memory.peak - card.memory.allocated
        found = []
        for share in (0.7, 0.38):
            card.memory.total = card.memory.others + held + int(needed * share)
            fitting = train(learner, schedule)
            found.append((len(fitting.step_rows(STEP, 1)), fitting.recipe.checkpointing))
            assert card.memory.allocated <= held
        assert found == [(2, False), (4, True)]
        card.memory.total = card.memory.others + held + (1 << 20)
        with pytest.raises(TooLittleMemory, match="one example of up to 1,024 tokens"):
            train(learner, schedule)


def test_a_lost_card_and_one_of_several_processes_do_not_try_again() -> None:
    with pretended_card() as card, learner_on_the_card() as (learner, schedule):
        full = torch.OutOfMemoryError("CUDA out of memory.")
        assert is_recoverable(full, learner, 1)
        assert not is_recoverable(full, learner, 2)
        assert not is_recoverable(RuntimeError("shape mismatch"), learner, 1)
        card.fail(LOST, sticky=True)
        with pytest.raises(RuntimeError) as raised:
            learner.train_step(schedule.step_rows(STEP, 1), 1e-4, 0)
        assert not is_recoverable(raised.value, learner, 1)
        assert not is_recoverable(full, learner, 1)  # the card computes nothing any more
