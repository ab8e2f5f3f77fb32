"""Probe prompts: a patched model must answer a mixed batch as transformers answers each prompt alone."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import MIN_CAPACITY, KVCache

PROBES = ((7,), (3, 11, 19, 27, 5), (2, 4, 8, 16, 32, 64, 9, 18, 36))  # token ids of the prompts
# Limits of `relative_error`, in float32 and where weights or activations are rounded. Rounding alone moves
# logits (SmolLM2, 30 layers) by 1e-5 in float32, 2% in float16, 7% in bfloat16, and by 12% where int8 of
# bitsandbytes chooses its outliers over all rows; a token that is not seen, or seen a place too far, by 66%
# and more.
EXACT, ROUNDED = 1e-3, 0.25


def single_logits(model: Any, device: torch.device) -> list[Tensor]:
    """Return the logits [2 or 1, vocabulary] of each probe's last two tokens, each probe alone."""
    return [model(torch.tensor([ids], device=device)).logits[0, -2:] for ids in PROBES]


def batched_logits(
    forward: Callable[[ForwardBatch], Tensor], batch_of: Callable[[Sequence[TokenSpan]], ForwardBatch]
) -> tuple[list[Tensor], dict[torch.device, int]]:
    """Return the logits as `single_logits`, and the bytes of a token's keys and values on each device.

    Two steps for all probes together: all tokens but the last, then the last.
    """
    cache = KVCache(budget=1 << 60, slab_tokens=MIN_CAPACITY)  # a card may be nearly full by now
    rows = cache.allocate(len(PROBES[-1]), len(PROBES)) or []
    logits: dict[int, list[Tensor]] = {id(row): [] for row in rows}
    for part in (slice(None, -1), slice(-1, None)):
        spans = [TokenSpan(row, ids[part]) for row, ids in zip(rows, PROBES, strict=True) if ids[part]]
        batch = batch_of(spans)
        for span, last in zip(batch.spans, forward(batch), strict=True):
            logits[id(span.kv_slot)].append(last)
        batch.advance()
    token_bytes: dict[torch.device, int] = {}
    for tensor in cache.slabs[0].layers.values():
        slot_tokens = tensor.shape[1] * tensor.shape[3]
        token_bytes[tensor.device] = token_bytes.get(tensor.device, 0) + tensor.nbytes // slot_tokens
    stacked = [torch.stack(logits[id(row)]) for row in rows]
    cache.slabs[0].used_slots.clear()  # slots and slab hold each other, and would stay until a collection
    return stacked, token_bytes


def are_finite(logits: Sequence[Tensor]) -> bool:
    """Return whether every logit is a number."""
    return all(isfinite(float(each.float().sum())) for each in logits)


def relative_error(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the norm of the logits' difference, relative to how much the reference varies over tokens."""
    mine, reference = torch.cat(list(ours)).float(), torch.cat(list(theirs)).float()
    return float((mine - reference).norm() / (reference - reference.mean(-1, keepdim=True)).norm())
