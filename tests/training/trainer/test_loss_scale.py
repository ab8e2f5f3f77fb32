"""Gradients in float16: scaled, they are those of float32 for any number of labels."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.distributed.processes import ProcessGroup
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample
from training.trainer import loss_scale
from training.trainer.lora_learner import LoraLearner
from training.trainer.loss_scale import LossScale

LABELS, SOME_LABELS = 16_000, 4_000
OVERFLOWING = 2.0**34  # a factor of the loss


def learner_in(dtype: torch.dtype) -> LoraLearner:
    """Return a learner on a small model with weights that float16 holds, and an adapter that is not zero."""
    torch.manual_seed(7)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=300, initializer_range=0.005))
    model = model.half().to(dtype).requires_grad_(False)
    recipe = Recipe(
        rank=8, alpha=8.0, rslora=True, layers=("q_proj", "v_proj", "o_proj", "down_proj", "gate_proj"),
        dropout=0.0, rate=1e-3, facts_rate=1e-3, warmup=0.0, decay=0.0, clip=1e9, batch=16, epochs=1,
        facts_epochs=1, evaluations=1, patience=1, neutral=0.0, identity=False, replay=0.0, seed=1, row=4096,
        deep=True, checkpointing=False, precision="fp16", device="cpu",
    )  # fmt: skip
    learner = LoraLearner(model, recipe, ProcessGroup("cpu"), "tiny")
    torch.manual_seed(3)
    adapter = {name: torch.randn_like(each) * 0.05 for name, each in learner.adapter().items()}
    learner.restore(adapter, {}, 0)
    return learner


def rows(labels: int) -> list[list[TokenizedExample]]:
    """Return rows of examples whose every token but the first is a label."""
    rng, length = np.random.default_rng(5), 81
    weights = np.ones(length, np.float32)
    weights[0] = 0
    return [
        [TokenizedExample(rng.integers(5, 300, length).astype(np.int32), weights, 1, "") for _ in range(50)]
        for _ in range(labels // SOME_LABELS)
    ]


def gradients(learner: LoraLearner, labels: int) -> torch.Tensor:
    """Return the gradients of a step, from the first moments that it leaves."""
    learner.train_step(rows(labels), 0.0, 0)
    moments = sorted((name, each) for name, each in learner.moments().items() if "exp_avg/" in name)
    return torch.cat([each.flatten() for _, each in moments]) * 10


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def test_gradients_of_many_labels_are_those_of_float32() -> None:
    expected = gradients(learner_in(torch.float32), LABELS)
    plain = learner_in(torch.float16)
    plain.scale = LossScale(1.0)
    assert error(gradients(plain, LABELS), expected) > 0.1  # most are too small for float16
    scaled = learner_in(torch.float16)
    assert error(gradients(scaled, LABELS), expected) < 0.005
    assert scaled.scale == LossScale(loss_scale.FIRST, steady=1)


def test_a_step_whose_gradients_overflow_is_computed_again_until_they_fit() -> None:
    expected = gradients(learner_in(torch.float32), SOME_LABELS)
    learner = learner_in(torch.float16)
    learner.scale = LossScale(OVERFLOWING)
    assert error(gradients(learner, SOME_LABELS), expected) < 0.005
    assert 1.0 < learner.scale.value < OVERFLOWING


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_loss_of_other_dtypes_is_not_scaled(dtype: torch.dtype) -> None:
    assert learner_in(dtype).scale == LossScale(1.0)


def test_the_scale_follows_what_the_steps_could_hold() -> None:
    scale = LossScale(8.0)
    assert scale.retries(1.0, float("inf"))
    assert scale == LossScale(4.0)
    for _ in range(loss_scale.STEADY):
        assert not scale.retries(1.0, 1.0)
    assert scale == LossScale(8.0)
    assert not scale.retries(float("nan"), float("nan"))  # the loss itself overflowed: another remedy
    assert not LossScale(1.0).retries(1.0, float("inf"))
