"""Lessons side by side in one row without seeing each other: no padding, and no word of one in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, softmax
from transformers import AttentionInterface

from bot.errors import UserError
from training.corpus import Row

NAME = "alterego-packed"
_PROBES = ((7, 9), (3, 11, 19, 27, 5), (2, 4, 8, 16, 32, 64, 9, 18, 36))
# How far hidden states may be from those of a lesson alone, relative to their size: rounding moves them by
# 1e-5 in float32 and by a hundredth in bfloat16, another lesson's words or a wrong position by much more.
_EXACT, _ROUNDED = 1e-3, 0.25
_BREAKS = (TypeError, ValueError, AttributeError, KeyError, IndexError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Packed:
    """Lessons of one forward pass.

    `ids` and `positions` are [tokens]; `bounds` are where lessons begin, and the end of the last one. What
    stands behind place `before[n]` is learned as `targets[n]` with `weights[n]`: all [labels].
    """

    ids: Tensor
    positions: Tensor
    bounds: tuple[int, ...]
    before: Tensor
    targets: Tensor
    weights: Tensor


def pack(rows: Sequence[Row], device: torch.device) -> Packed:
    """Put rows behind each other. The first id of a row has nothing before it and is never learned."""
    bounds = np.cumsum([0, *(len(row.ids) for row in rows)])
    ids = np.concatenate([row.ids for row in rows]).astype(np.int64)
    weights = np.concatenate([row.weights for row in rows])
    weights[bounds[:-1]] = 0
    learned = np.flatnonzero(weights)
    positions = np.concatenate([np.arange(len(row.ids)) for row in rows])
    return Packed(
        torch.from_numpy(ids).to(device),
        torch.from_numpy(positions).to(device),
        tuple(bounds.tolist()),
        torch.from_numpy(learned - 1).to(device),
        torch.from_numpy(ids[learned]).to(device),
        torch.from_numpy(weights[learned]).to(device),
    )


def make_packable(model: Any) -> None:
    """Give a model the attention that keeps lessons apart; raises `UserError` where it does not.

    A model that carries more than keys and values from token to token (a state, a convolution) would mix
    them.
    """
    alone = [_hidden(model, [ids]) for ids in _PROBES]
    AttentionInterface.register(NAME, attend)
    try:
        model.set_attn_implementation(NAME)
        error = float((_hidden(model, _PROBES) - torch.cat(alone)).norm() / torch.cat(alone).norm())
    except _BREAKS as problem:
        raise _refusal(model) from problem
    if not error < (_EXACT if model.dtype == torch.float32 else _ROUNDED):
        raise _refusal(model)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bounds: Sequence[int] | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **how: Any,
) -> tuple[Tensor, None]:
    """The attention function for transformers: query [1, heads, tokens, size], key and value with their own.

    Returns [1, tokens, heads, size]. Each lesson attends to itself alone.
    """
    if how.get("s_aux") is not None or mask is not None:
        raise NotImplementedError("attention with sinks, or with a mask of its own")
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = []
    for start, end in pairwise(bounds or (0, query.shape[2])):
        own = slice(start, end)
        window = sliding_window if sliding_window and sliding_window < end - start else None
        parts.append(_alone(query[:, :, own], key[:, :, own], value[:, :, own], scale, window, softcap))
    return torch.cat(parts, 2).transpose(1, 2), None


def _alone(
    query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, softcap: float | None
) -> Tensor:
    """Causal attention of one lesson."""
    if window is None and softcap is None:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
    place = torch.arange(query.shape[2], device=query.device)
    distance = place[:, None] - place
    seen = (distance >= 0) & (distance < (window or len(place)))
    if softcap is None:
        return scaled_dot_product_attention(query, key, value, attn_mask=seen, scale=scale)
    scores = softcap * torch.tanh(query @ key.transpose(-1, -2) * (scale / softcap))
    scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
    return softmax(scores, -1, dtype=torch.float32).to(value.dtype) @ value


def _hidden(model: Any, lessons: Sequence[Sequence[int]]) -> Tensor:
    """The hidden states [tokens, size] of lessons in one row."""
    rows = [Row(np.array(ids, np.int32), np.zeros(len(ids), np.float32), 1, "") for ids in lessons]
    device = model.get_input_embeddings().weight.device
    packed = pack(rows, device)
    trunk = getattr(model, model.base_model_prefix)
    more = {"bounds": packed.bounds} if len(rows) > 1 else {}
    with torch.inference_mode():
        found = trunk(
            input_ids=packed.ids[None], position_ids=packed.positions[None], use_cache=False, **more
        )
    hidden: Tensor = found.last_hidden_state[0].float()
    return hidden


def _refusal(model: Any) -> UserError:
    kind = model.config.model_type
    return UserError(
        f"Base models of the kind {kind} cannot be trained in rows: choose another [model] name."
    )
