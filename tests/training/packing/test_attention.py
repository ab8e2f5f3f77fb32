"""Attention over packed examples: keys and values are not copied to all heads, scores not kept."""

from collections.abc import Sequence

import pytest
import torch
from torch.nn import functional

from tests.fakes.card.card import pretended_card
from tests.fakes.card.guard import COMPILER
from tests.fakes.card.training import training_pass
from training.packing import softcap
from training.packing.attention import AnswerPass, AnswerSpan, AttentionOptions, PromptPass, Segment

HEADS, GROUPS, SIZE = 3, 4, 32
OPTIONS = AttentionOptions(SIZE**-0.5)


def heads(count: int, tokens: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return [1, count, tokens, SIZE] as a projection gives them: each token's heads side by side."""
    made = torch.randn(1, tokens, count, SIZE, dtype=dtype, device=device)
    return made.transpose(1, 2).requires_grad_()


def repeated(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, hidden: torch.Tensor, cap: float | None
) -> torch.Tensor:
    """Return attention in plain arithmetic, with keys and values copied to all heads."""
    key, value = (each.repeat_interleave(GROUPS, 1) for each in (key, value))
    scores = query @ key.transpose(-1, -2) * OPTIONS.scale
    scores = cap * torch.tanh(scores / cap) if cap else scores
    return functional.softmax(scores.masked_fill(hidden, -torch.inf), -1) @ value


@pytest.mark.parametrize("device", ["cpu", "card"])
@pytest.mark.parametrize(("window", "cap"), [(None, None), (9, None), (None, 2.0), (9, 2.0)])
def test_outputs_and_gradients_are_those_of_plain_arithmetic(
    device: str, window: int | None, cap: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if device == "card":  # the way of a card, on real numbers
        monkeypatch.setattr("training.packing.attention._NATIVE_GROUPS", "no device")
    monkeypatch.setattr(softcap, "SCORES", 1)  # several chunks of queries
    torch.manual_seed(1)
    inputs = (heads(HEADS * GROUPS, 41), heads(HEADS, 41), heads(HEADS, 41))
    distance = torch.arange(41)[:, None] - torch.arange(41)
    hidden = (distance < 0) | (distance >= (window or 41))
    expected = repeated(*inputs, hidden, cap)
    found = PromptPass((Segment(0, 41, None),)).attend(
        0, *inputs, AttentionOptions(OPTIONS.scale, window, cap)
    )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    weights = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def answer_pass(device: str, examples: Sequence[tuple[int, int]], dtype: torch.dtype) -> AnswerPass:
    """Return the pass over the answers of examples, each of (tokens, labels at its end) in one row."""
    spans, start, row = list[AnswerSpan](), 0, 0
    for tokens, labels in examples:
        positions = torch.arange(tokens - labels, tokens, device=device)
        indices = torch.arange(row, row + tokens, device=device)
        spans.append(AnswerSpan(start, start + labels, positions, indices))
        start, row = start + labels, row + tokens
    key, value = (heads(HEADS, row, device, dtype).detach() for _ in range(2))
    return AnswerPass(spans, {0: (key, value)})


@pytest.mark.skipif(COMPILER is None, reason="a pretended card needs g++ once")
@pytest.mark.parametrize("capability", [(8, 6), (7, 5)])
def test_on_a_card_an_answer_keeps_its_keys_and_values_once(capability: tuple[int, int]) -> None:
    tokens, labels, half = 4096, 64, 2
    with pretended_card(capability=capability) as card, training_pass():
        passed = answer_pass("cuda", [(tokens, labels)] * 2, torch.float16)
        query = heads(HEADS * GROUPS, 2 * labels, "cuda", torch.float16)
        key, value = (heads(HEADS, 2 * labels, "cuda", torch.float16) for _ in range(2))
        before = card.memory.allocated
        out = passed.attend(0, query, key, value, OPTIONS)
        kept = card.memory.allocated - before
        key_values = 2 * 2 * tokens * HEADS * SIZE * half
        masks = 2 * labels * tokens * half
        assert key_values + masks < kept < 1.2 * (key_values + masks), out.shape
        assert "_scaled_dot_product_efficient_attention" in {name for name, _ in card.launches.by_place}
