"""A strength other than 1 costs one kernel in each adapted layer, and computes in the adapter's dtype."""

from unittest import mock

import torch

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.model_executor.model_runner import ModelRunner
from tests.fakes.card.card import Card, pretended_card
from tests.gpu.test_adapter_memory import adapter, runner_on

LAYERS = 8  # joined linear layers that the adapter changes: four in each of two decoder layers
ROWS = 3


@torch.inference_mode()
def kernels_of_a_step(card: Card, runner: ModelRunner, strength: float) -> int:
    """Decode one token in every row under one adapter, and count what the card runs."""
    slots = KVCache(1 << 30, runner.token_bytes).allocate(64, ROWS) or []
    spans = [TokenSpan(slot, (7,), 0, strength) for slot in slots]
    runner.forward(ForwardBatch(spans, runner.device, None))
    card.launches.reset()
    runner.forward(ForwardBatch(spans, runner.device, None))
    return card.launches.kernels


def test_strength_costs_a_kernel_in_each_layer() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        runner.active_adapters.activate(adapter(runner))
        plain = kernels_of_a_step(card, runner, 1.0)
        assert kernels_of_a_step(card, runner, 0.8) - plain <= LAYERS + 1  # and the copy of the strengths


def test_strength_leaves_the_dtype_of_the_activations() -> None:
    with pretended_card() as card:
        runner = runner_on(card)
        runner.active_adapters.activate(adapter(runner))
        seen = set()
        bmm = torch.bmm

        def noting(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            seen.add((a.dtype, b.dtype))
            return bmm(a, b)

        with mock.patch.object(torch, "bmm", noting):
            kernels_of_a_step(card, runner, 0.8)
        assert seen == {(torch.bfloat16, torch.bfloat16)}
