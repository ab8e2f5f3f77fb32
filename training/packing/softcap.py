"""Attention with scores that a hyperbolic tangent caps (Gemma 2): torch has no fused kernel for it."""

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

SCORES = 1 << 24  # of all heads that are in memory at a time: 64 MB in float32, and a few copies


def softcapped_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float, softcap: float
) -> Tensor:
    """Return attention [1, heads, queries, size], a chunk of queries at a time.

    `mask` [queries, keys] is added to the scores. Where gradients are needed, the scores of a chunk are
    computed again in the backward pass: all of them would be most of a training's memory.
    """
    groups = query.shape[1] // key.shape[1]
    grouped = query[0].view(-1, groups, *query.shape[2:])  # [key-value heads, groups, queries, size]
    rows = max(16, SCORES // (query.shape[1] * key.shape[2]))

    def attend(part: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        scores = (part.flatten(1, 2) @ key[0].transpose(-1, -2)).view(*part.shape[:3], -1)
        capped = softcap * torch.tanh(scores * (scale / softcap)) + mask
        shares = functional.softmax(capped, -1, dtype=torch.float32).to(value.dtype)
        out: Tensor = (shares.flatten(1, 2) @ value[0]).view(part.shape)
        return out

    def chunk(start: int) -> Tensor:
        inputs = (grouped[:, :, start : start + rows], key, value, mask[start : start + rows])
        if not torch.is_grad_enabled():
            return attend(*inputs)
        out: Tensor = checkpoint(attend, *inputs, use_reentrant=False, preserve_rng_state=False)
        return out

    chunks = [chunk(start) for start in range(0, query.shape[2], rows)]
    return torch.cat(chunks, 2).flatten(0, 1)[None]
