"""The work of a run, as far as an early end and as far as the last step."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bot.persona.training_options import TrainingOptions
from training.planning.recipe import RecipeInputs, choose_recipe
from training.planning.resources import ResourcePlan
from training.progress.estimate import TimeRange
from training.runs.checkpoints import RunState
from training.tokenization.examples import TokenizedExample
from training.trainer.progress import RunCosts
from training.trainer.schedule import TrainingSchedule, plan_steps
from training.trainer.stages import Stage


def schedule(examples: int, held: int, **options: int) -> TrainingSchedule:
    """Return a schedule of examples of ten tokens, two of them learned; a step has one of them."""
    inputs = RecipeInputs(1000, examples, 10, ("q_proj",), "fp32", "cpu")
    chosen = choose_recipe(TrainingOptions(batch=1, epochs=3, patience=2, **options), inputs).recipe
    made = [
        TokenizedExample(
            np.arange(10) + 10 * number, np.array([0.0] * 8 + [1.0] * 2, np.float32), 1, "dialogue"
        )
        for number in range(examples + held)
    ]
    stages = [Stage("dialogue", tuple(made[:examples]), chosen.epochs, 1e-3)]
    return TrainingSchedule(Path(), stages, made[examples:], plan_steps(stages, chosen), chosen)


STEP, EVALUATION = 9 + 4 * 2, 2 * 9  # the last token of an example is read by nobody


@pytest.mark.parametrize(
    ("state", "least", "most"),
    [
        # six evaluations, after steps 2, 4, 6, 8, 10 and 12; the first one always gains
        (RunState(), 6 * STEP + 3 * EVALUATION, 12 * STEP + 6 * EVALUATION),
        (RunState(step=2, best=1.0, best_step=2), 4 * STEP + 2 * EVALUATION, 10 * STEP + 5 * EVALUATION),
        (RunState(step=4, best=1.0, best_step=2, stale=1), 2 * STEP + EVALUATION, 8 * STEP + 4 * EVALUATION),
        (RunState(step=11, best=1.0, best_step=10), STEP + EVALUATION, STEP + EVALUATION),
        (RunState(step=6, best=1.0, best_step=2, stale=2, ended=True), 0, 0),
    ],
)
def test_a_run_ends_at_the_earliest_when_its_patience_does(state: RunState, least: int, most: int) -> None:
    assert RunCosts(schedule(4, 2)).rest(state) == (least, most)


def test_a_run_without_anything_held_out_ends_at_its_last_step() -> None:
    assert RunCosts(schedule(4, 0)).rest(RunState(step=2)) == (10 * STEP, 10 * STEP)


def test_a_plan_of_earlier_versions_tells_its_time_as_it_did() -> None:
    fields = {name: 0 for name in "answers held steps tokens learned parameters bytes".split()}
    old = msgspec.convert({**fields, "lessons": {}, "seconds": 200.0, "room": None}, ResourcePlan)
    assert old.time == TimeRange(200.0, 200.0)
