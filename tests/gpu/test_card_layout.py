"""Passes as they are laid out for cards, with real numbers on the CPU: the same logits for every family."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from bot.engine.attention.card_batch import CardBatch
from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.lora.registry import read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.fused_layers import CardNorm, FusedNorm
from bot.engine.model_executor.model_runner import ModelRunner
from tests.fakes.families import FAMILIES, LONG, save, save_adapter

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

CAPACITIES = (300, 300, 200, 300, 600, 200, 300)  # tokens of the sequences: slots of three slabs
ADAPTERS = ((0, 1.0), (1, 0.8), (-1, 1.0), (0, 0.5), (1, 1.0), (-1, 1.0), (0, 1.0))  # slots and strengths
# The tokens that each sequence adds, step by step: chunks of prompts beside decoding, sequences that rest.
STEPS = (
    (40, 1, 17, 5, 33, 2, 1),
    (20, 1, 1, 1, 0, 1, 1),
    (1, 1, 0, 1, 3, 1, 1),
    (1, 1, 1, 1, 1, 1, 1),
    (0, 0, 1, 1, 1, 0, 1),
    (1, 1, 1, 1, 1, 1, 1),
)
FULL_SLAB = ((1, 1, 1, 1), (1, 1, 1, 1))  # one slab whose slots are all in use


def load_runner(
    name: str,
    folder: Path,
    tmp_path: Path,
    batch_type: type[ForwardBatch],
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> ModelRunner:
    """Return a tiny model of a family with two active adapters."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval().requires_grad_(False)
    runner = ModelRunner(model, name, LONG, batch_type=batch_type)
    base = BaseModelIdentity(name, "", runner.shapes)
    for adapter in ("wide", "narrow"):
        runner.active_adapters.activate(read_adapter(adapter, tmp_path / adapter, base))
    return runner


@torch.inference_mode()
def logits(
    runner: ModelRunner, capacities: Sequence[int], steps: Sequence[Sequence[int]]
) -> list[tuple[int, int, Tensor]]:
    """Return (step, sequence, logits) of all sequences' last tokens after each step."""
    rng, cache = random.Random(5), KVCache(1 << 30, runner.token_bytes)
    slots = [(cache.allocate(capacity) or [])[0] for capacity in capacities]
    sequence_of = {id(slot): sequence for sequence, slot in enumerate(slots)}
    found = []
    for number, step in enumerate(steps):
        spans = [
            TokenSpan(slot, tuple(rng.randrange(5, 400) for _ in range(tokens)), *adapter)
            for slot, tokens, adapter in zip(slots, step, ADAPTERS, strict=False)
            if tokens
        ]
        batch = runner.batch_of(spans)
        rows = runner.forward(batch)
        batch.advance()
        order = [(sequence_of[id(span.kv_slot)], row) for span, row in zip(batch.spans, rows, strict=True)]
        found += [(number, sequence, row) for sequence, row in sorted(order, key=lambda pair: pair[0])]
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_the_layout_for_cards_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    folder, linear = save(name, tmp_path / "base"), FAMILIES[name].linear
    save_adapter(name, folder, tmp_path / "wide", 4, linear)
    save_adapter(name, folder, tmp_path / "narrow", 7, linear[::2])
    plain = load_runner(name, folder, tmp_path, ForwardBatch)
    card = load_runner(name, folder, tmp_path, CardBatch)
    for capacities, steps in ((CAPACITIES, STEPS), ((300,) * 4, FULL_SLAB)):
        expected, found = logits(plain, capacities, steps), logits(card, capacities, steps)
        assert [one[:2] for one in found] == [one[:2] for one in expected]
        for (_, _, ours), (_, _, theirs) in zip(found, expected, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weight_dtype", [torch.bfloat16, torch.float32])
def test_the_norm_for_cards_is_that_of_the_cpu(weight_dtype: torch.dtype) -> None:
    weight, x = torch.randn(64).to(weight_dtype), torch.randn(2, 3, 64).bfloat16()
    ours, theirs = CardNorm(weight, 1e-5)(x), FusedNorm(weight, 1e-5, None)(x)
    assert torch.allclose(ours.float(), theirs.float(), rtol=2**-7)
