"""Attention on graphics cards: the slots of a slab in one call, and a chunk of a prompt in one call."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from bot.engine.attention.kv_slab import KVSlab, KVSlot
from bot.engine.kernels.attention import AttentionShape


class SlotShape(NamedTuple):
    """The part of a slab that attention reads: `length` tokens of the first `slots` slots.

    `masked`: the slots hold different counts of tokens, or fewer than are read.
    """

    slots: int
    length: int
    masked: bool


@dataclass(frozen=True, slots=True)
class DecodeSlots:
    """Slots of a slab, of which decoding tokens add to some.

    The slices are places among the numbers of a pass, each of `shape.slots` numbers: the token that belongs
    to a slot (its index in the pass), the slot and the position that it is written to. A slot without a token
    of its own repeats the write of another's, and what it reads is dropped. `in_order`: token n of the pass
    belongs to slot n.
    """

    slab: KVSlab
    shape: SlotShape
    tokens: slice
    slots: slice
    positions: slice
    in_order: bool

    def attend(
        self,
        tensor: Tensor,
        query: Tensor,
        pair: Tensor,
        numbers: Tensor,
        mask: Tensor | None,
        shape: AttentionShape,
    ) -> Tensor:
        """Write keys and values of decoding tokens, then attend over the slots: [count, heads, size].

        tensor [2, slab slots, kv heads, capacity, size]; query [tokens, heads, size], pair [tokens, 2, kv
        heads, size]; numbers [any] of the pass; mask as `slot_mask`.
        """
        if not self.in_order:
            tokens = numbers[self.tokens]
            query, pair = query.index_select(0, tokens), pair.index_select(0, tokens)
        tensor[:, numbers[self.slots], :, numbers[self.positions]] = pair
        keys, values = tensor[:, : self.shape.slots, :, : self.shape.length]
        # [slots, kv heads, group, size]
        grouped = query.view(self.shape.slots, pair.shape[2], -1, pair.shape[3])
        return _attention(grouped, keys, values, mask, shape).flatten(1, 2)


def slot_mask(positions: Tensor, length: int, window: int | None, dtype: torch.dtype) -> Tensor:
    """Return the additive mask [slots, 1, 1, length] of tokens at positions [slots], which see themselves."""
    keys = torch.arange(length, device=positions.device)
    hidden = keys > positions[:, None]
    if window is not None:
        hidden |= keys <= positions[:, None] - window
    mask = torch.zeros(hidden.shape, dtype=dtype, device=positions.device)
    return mask.masked_fill_(hidden, -torch.inf)[:, None, None]


def attend_prefill(
    slot: KVSlot, tensor: Tensor, query: Tensor, pair: Tensor, mask: Tensor | None, shape: AttentionShape
) -> Tensor:
    """Write a chunk's keys and values into its slot and attend over the slot: [tokens, heads, size].

    query [tokens, heads, size], pair [tokens, 2, kv heads, size]; mask [tokens, keys], None for a prompt's
    beginning, where every token reads those before it.
    """
    count, _, kv_heads, size = pair.shape
    end = slot.length + count
    tensor[:, slot.index, :, slot.length : end] = pair.permute(1, 2, 0, 3)
    keys, values = tensor[:, slot.index, :, None, :end]  # [kv heads, 1, keys, size]
    grouped = query.view(count, kv_heads, -1, size).permute(1, 2, 0, 3)  # [kv heads, group, tokens, size]
    if shape.softcap is None:
        group = (-1, grouped.shape[1], -1, -1)
        out = scaled_dot_product_attention(
            grouped, keys.expand(group), values.expand(group), mask, is_causal=mask is None, scale=shape.scale
        )
    else:
        assert mask is not None
        flat = grouped.reshape(kv_heads, 1, -1, size)
        out = _attention(flat, keys, values, mask.repeat(grouped.shape[1], 1), shape).view(grouped.shape)
    return out.permute(2, 0, 1, 3).reshape(count, -1, size)


def _attention(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, shape: AttentionShape
) -> Tensor:
    """Attend with query [batch, heads, queries, size] over keys and values [batch, heads, keys, size]."""
    if shape.softcap is None:
        return scaled_dot_product_attention(query, keys, values, mask, scale=shape.scale)
    scores = query @ keys.transpose(-1, -2)
    scores.mul_(shape.scale / shape.softcap).tanh_().mul_(shape.softcap)
    scores = scores if mask is None else scores.add_(mask)
    return scores.softmax(-1, dtype=torch.float32).to(values.dtype) @ values
