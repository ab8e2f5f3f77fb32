"""Attention by torch, for a few queries of each head and for many."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """The scale, the sliding window in tokens and the softcap of one layer's attention."""

    scale: float
    window: int | None = None
    softcap: float | None = None


def attention(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, shape: AttentionShape
) -> Tensor:
    """Attend with query [heads, queries, size] over keys and values [heads, keys, size], -> query's shape.

    The additive mask [1 or heads, 1 or queries, keys] holds 0 and -inf. On a CPU in float32 two batched
    products are faster than the fused kernel for a few queries of each head; the fused kernel serves longer
    spans and other dtypes.
    """
    fused = query.dtype != torch.float32 or query.shape[1] > 16
    if fused and shape.softcap is None:
        expanded = None if mask is None else mask.to(query.dtype).expand(len(query), *mask.shape[-2:])[None]
        return scaled_dot_product_attention(
            query[None], keys[None], values[None], attn_mask=expanded, scale=shape.scale
        )[0]
    scores = torch.bmm(query * shape.scale, keys.transpose(1, 2)) if shape.softcap or mask is None else None
    if scores is None:
        assert mask is not None
        expanded = mask.to(query.dtype).expand(len(query), query.shape[1], keys.shape[1])
        scores = torch.baddbmm(expanded, query, keys.transpose(1, 2), alpha=shape.scale)
    elif shape.softcap:
        scores = torch.tanh(scores / shape.softcap) * shape.softcap
        scores = scores if mask is None else scores + mask.to(scores.dtype)
    return torch.bmm(scores.softmax(-1, dtype=torch.float32).to(values.dtype), values)
