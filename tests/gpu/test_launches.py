"""What a decoding step launches on a card at full size: copies that nobody waits for, and few kernels."""

import pytest
import torch

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.interface import Request
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.sampling.sampler import Sampler
from bot.persona.persona import Sampling
from tests.fakes.card.card import Card, pretended_card
from tests.gpu.models import pretended_runner, whole_adapters

GIB = 1 << 30
PENALISED = Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1.1)


def decode(card: Card, runner: ModelRunner, rows: int, adapters: int, strength: float = 1.0) -> None:
    """Run a decoding step of rows of different lengths; only what it launches stays counted."""
    cache = KVCache(GIB, runner.token_bytes)
    sampler = Sampler(runner.vocabulary, rows, runner.device)
    slots = cache.allocate(500, rows) or []
    drawn = [sampler.add_sequence(Request((1, 2, 3), PENALISED), 0, (), seed=1) for _ in slots]
    for number, slot in enumerate(slots):
        slot.length = 300 + number
    for _ in range(2):  # what is made once and kept does not count
        card.launches.reset()
        spans = [
            TokenSpan(slot, (5,), number % adapters if adapters else -1, strength)
            for number, slot in enumerate(slots)
        ]
        sampler.sample(runner.forward(runner.batch_of(spans)), drawn)


@pytest.mark.parametrize(
    ("precision", "overflows", "rows", "adapters", "kernels"),
    [
        ("nf4", False, 1, 0, 660),
        ("nf4", False, 8, 4, 1170),
        ("fp16", False, 1, 0, 515),
        ("fp16", True, 1, 0, 910),
        ("fp16", True, 8, 4, 1420),
    ],
)
def test_a_decoding_step_waits_for_no_copy_and_launches_few_kernels(
    precision: str, overflows: bool, rows: int, adapters: int, kernels: int
) -> None:
    with pretended_card(memory=24 * GIB) as card, torch.inference_mode():
        runner = pretended_runner("Qwen2.5-7B", precision, overflows)
        for adapter in whole_adapters(runner, adapters):
            runner.active_adapters.activate(adapter)
        decode(card, runner, rows, adapters, strength=0.8)
    launches = card.launches
    assert launches.copies.total() == 0, launches.copies
    assert launches.async_copies.total() <= 3, launches.async_copies
    assert launches.reads.total() == 1, launches.reads  # the sampled tokens
    assert launches.kernels <= kernels
