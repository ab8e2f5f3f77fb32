"""One training step against its plan, in the table that `tests/gpu.sh` prints.

Marked `gpu`, the step runs on a real card with random weights; else the same step runs on a pretended one.
"""

import math

import pytest
import torch

from tests.fakes.card.card import pretended_card
from tests.fakes.card.models import config_of
from tests.fakes.card.training import training_pass
from tests.gpu.figures import Figures
from tests.gpu.random_models import random_model
from tests.gpu.training import (
    PlannedTraining,
    invented_examples,
    plan_against_peak,
    plan_training,
    train_once,
)
from training.distributed.processes import ProcessGroup
from training.trainer.lora_learner import LoraLearner

GIB = 1 << 30
EXAMPLES = invented_examples(8, tokens=2048, labels=150)
OFF = 0.15  # of the peak, by which the plan may be off on a real card: its kernels have work of their own
CARDS = ((10, "Qwen2.5-7B"), (5, "Qwen2.5-3B"), (0, "Qwen2.5-1.5B"))  # GiB that are free


def largest_for(free: int) -> str:
    """Return the base model to try with so many bytes."""
    return next(name for gigabytes, name in CARDS if free >= gigabytes * GIB)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_training_step_takes_what_the_plan_says(figures: Figures) -> None:
    name = largest_for(torch.cuda.mem_get_info()[0])
    planned = plan_training(name, EXAMPLES, make=random_model)
    add_figure(figures, planned, train_once(planned), OFF)


@pytest.mark.slow
def test_a_training_step_takes_what_the_plan_says_on_a_pretended_card() -> None:
    figures = Figures()
    with pretended_card(memory=8 * GIB):
        name = largest_for(torch.cuda.mem_get_info()[0])
        planned = plan_training(name, EXAMPLES)
        with training_pass():
            add_figure(figures, planned, train_once(planned), 0.1)
    (row,) = figures.rows
    assert row.name == "training step of Qwen2.5-3B in nf4"
    assert "GB, planned" in row.value


def add_figure(figures: Figures, planned: PlannedTraining, peak: int, off: float) -> None:
    """Add what a step took; it must be the plan, but for a share of it."""
    plan = planned.parts.total - planned.parts.process
    name, bar = f"training step of {planned.name} in nf4", f"within {off:.0%} of the plan"
    figures.add(name, plan_against_peak(planned, peak), bar, abs(peak / plan - 1) <= off)


def test_a_model_of_random_weights_trains_in_nf4() -> None:
    config = config_of("Qwen2.5-0.5B")
    config.num_hidden_layers, config.layer_types, config.vocab_size = 1, ["full_attention"], 32_000
    model = random_model(config, device="cpu")
    with pretended_card(memory=8 * GIB):
        recipe = plan_training("Qwen2.5-0.5B", EXAMPLES[:1]).recipe
    learner = LoraLearner(model, recipe, ProcessGroup("cpu"), "random")
    loss, norm = learner.train_step([invented_examples(1, 32, 8)], 1e-4, 0)
    assert loss == pytest.approx(math.log(32_000), rel=0.2)
    assert norm > 0
