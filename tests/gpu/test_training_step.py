"""One training step against its plan, as a row of the table that `tests/gpu.sh` prints.

Marked `gpu`, the step runs on a real card with random weights; else the same step runs on a pretended one.
"""

import math

import pytest
import torch

from tests.fakes.card.card import pretended_card
from tests.fakes.card.models import config_of
from tests.fakes.card.training import training_pass
from tests.gpu.random_models import random_model
from tests.gpu.training import invented_examples, plan_training, table_row, train_once
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
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no card")
def test_a_training_step_takes_what_the_plan_says(capsys: pytest.CaptureFixture[str]) -> None:
    name = largest_for(torch.cuda.mem_get_info()[0])
    planned = plan_training(name, EXAMPLES, make=random_model)
    peak = train_once(planned)
    with capsys.disabled():
        print(f"\n{table_row(planned, peak)}")  # noqa: T201
    assert planned.parts.total - planned.parts.process == pytest.approx(peak, rel=OFF)


def test_a_training_step_is_planned_and_printed_on_a_pretended_card() -> None:
    with pretended_card(memory=8 * GIB):
        name = largest_for(torch.cuda.mem_get_info()[0])
        planned = plan_training(name, EXAMPLES)
        with training_pass():
            row = table_row(planned, train_once(planned))
    assert row.startswith("training  Qwen2.5-3B ")
    assert abs(float(row.rpartition(" ")[2].rstrip("%"))) < 10


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
