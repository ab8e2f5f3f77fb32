"""Attention of decoding tokens: the sequences of one KV slab in one batched call."""

from ctypes import c_int
from functools import cached_property
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.kv_slab import KVSlab, KVSlot
from bot.engine.kernels.attention import AttentionShape, attention

NEG_INF = float("-inf")


class DecodeAttention:
    """The sequences of one KV slab that add one token each in a forward pass."""

    def __init__(self, slab: KVSlab, tokens: int, device: torch.device | str) -> None:
        """`tokens`: the count of all tokens of the pass."""
        self._slab, self._tokens, self._device = slab, tokens, device
        self.token_of_slot: list[int | None] = []  # of every slot that is read, its token; None for others
        self._slots: dict[int, tuple[KVSlot, int]] = {}  # by slot index: the slot and its token
        self._masks: dict[int | None, Tensor | None] = {}  # by window
        self._targets: dict[int, Tensor] = {}  # by kv heads

    def add_slot(self, slot: KVSlot, token: int) -> None:
        """Add a sequence, whose new token has this index in the pass."""
        self._slots[slot.index] = (slot, token)
        missing = slot.index + 1 - len(self.token_of_slot)
        self.token_of_slot += [None] * missing
        self.token_of_slot[slot.index] = token

    def layer_tensor(self, layer: int, like: Tensor) -> Tensor:
        """Return the slab's tensor of a layer, for keys like `like` [tokens, kv heads, head size]."""
        return self._slab.layer_tensor(layer, like)

    @property
    def slab_size(self) -> tuple[int, int]:
        """The slab's count of slots, and the capacity of each in tokens."""
        return self._slab.slot_count, self._slab.capacity

    @cached_property
    def native_targets(self) -> Any:
        """A C array of int [3 * tokens]: of every token its index, its slot's index and its slot's length."""
        targets = [(token, index, slot.length) for index, (slot, token) in self._slots.items()]
        return (c_int * (3 * len(targets)))(*chain.from_iterable(targets))

    @cached_property
    def _length(self) -> int:
        return max(slot.length for slot, _ in self._slots.values()) + 1

    @cached_property
    def _query_order(self) -> Tensor | None:
        """The token of each slot [slots], any for a slot without one; None where slots are in token order."""
        if self.token_of_slot == list(range(self._tokens)):
            return None
        any_token = next(iter(self._slots.values()))[1]
        return self._tensor([any_token if token is None else token for token in self.token_of_slot])

    @cached_property
    def _own_tokens(self) -> Tensor:
        return self._tensor([token for _, token in self._slots.values()])

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape) -> Tensor:
        """Append keys and values and attend, as `ForwardBatch.attend`, for the slots that are read.

        query [tokens, heads, size], pair [tokens, 2, kv heads, size]; returns [slots, heads, size].
        """
        tensor = self._slab.layer_tensor(layer, pair[:, 0])
        own_pair = pair if self._query_order is None else pair.index_select(0, self._own_tokens)
        heads, size = pair.shape[2], pair.shape[3]
        tensor.view(-1, size)[self._targets_of(heads)] = own_pair.reshape(-1, size)
        query = query if self._query_order is None else query.index_select(0, self._query_order)
        count = len(self.token_of_slot)
        keys = tensor[0].flatten(0, 1)[: count * heads, : self._length]
        values = tensor[1].flatten(0, 1)[: count * heads, : self._length]
        grouped = query.reshape(count * heads, -1, size)
        return attention(grouped, keys, values, self._mask(shape.window, heads), shape).view(count, -1, size)

    def _targets_of(self, heads: int) -> Tensor:
        """The places of new keys and values in a layer's tensor seen as [.., head size]."""
        if heads not in self._targets:
            slots, capacity = self.slab_size
            self._targets[heads] = self._tensor(
                [
                    ((half * slots + index) * heads + head) * capacity + slot.length
                    for index, (slot, _) in self._slots.items()
                    for half in (0, 1)
                    for head in range(heads)
                ]
            )
        return self._targets[heads]

    def _mask(self, window: int | None, heads: int) -> Tensor | None:
        """The additive mask [slots * kv heads, 1, keys]; None where every slot may read all keys."""
        if window not in self._masks:
            indices = range(len(self.token_of_slot))
            positions = [self._slots[index][0].length if index in self._slots else 0 for index in indices]
            if len(set(positions)) == 1 and (window is None or self._length <= window):
                self._masks[window] = None
            else:
                mask = causal_mask(self._tensor(positions), self._length, window)
                self._masks[window] = mask.repeat_interleave(heads, 0)[:, None]
        return self._masks[window]

    def _tensor(self, values: list[int]) -> Tensor:
        return torch.tensor(values, device=self._device)


def causal_mask(positions: Tensor, length: int, window: int | None) -> Tensor:
    """Return the additive mask [tokens, length] of tokens at positions [tokens] over `length` keys, float32.

    `window`: the count of last keys that a token may read, itself included; None for all.
    """
    distance = positions[:, None] - torch.arange(length, device=positions.device)
    hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
    return torch.zeros(hidden.shape, device=positions.device).masked_fill(hidden, NEG_INF)
