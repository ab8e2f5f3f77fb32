"""Rows of one page that add one token each: read together, slot by slot, as one batch of attention."""

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
    """The rows of one page that add one token each in a step."""

    def __init__(self, page: KVSlab, tokens: int, device: torch.device | str) -> None:
        """`tokens`: how many the step has in all."""
        self._page, self._tokens, self._device = page, tokens, device
        self.token_of_slot: list[int | None] = []  # for every slot that is read, the place of its token
        self._rows: dict[int, tuple[KVSlot, int]] = {}
        self._masks: dict[int | None, Tensor | None] = {}
        self._targets: dict[int, Tensor] = {}

    def add_slot(self, row: KVSlot, place: int) -> None:
        """Another row, whose token stands at a place."""
        self._rows[row.index] = (row, place)
        missing = row.index + 1 - len(self.token_of_slot)
        self.token_of_slot += [None] * missing
        self.token_of_slot[row.index] = place

    def layer_tensor(self, layer: int, like: Tensor) -> Tensor:
        """The page's tensor for a layer, for keys like `like` [tokens, heads, size]."""
        return self._page.layer_tensor(layer, like)

    @property
    def slab_size(self) -> tuple[int, int]:
        """How many slots the page has, and for how many tokens each."""
        return self._page.slot_count, self._page.capacity

    @cached_property
    def native_targets(self) -> Any:
        """Of every token: its place, its row's slot and length, as an array of C."""
        found = [(place, slot, row.length) for slot, (row, place) in self._rows.items()]
        return (c_int * (3 * len(found)))(*chain.from_iterable(found))

    @cached_property
    def _length(self) -> int:
        return max(row.length for row, _ in self._rows.values()) + 1

    @cached_property
    def _places(self) -> Tensor | None:
        """The token of each slot, any for a slot without one; None where both are in one order."""
        if self.token_of_slot == list(range(self._tokens)):
            return None
        any_ = next(iter(self._rows.values()))[1]
        return self._tensor([any_ if place is None else place for place in self.token_of_slot])

    @cached_property
    def _owned(self) -> Tensor:
        return self._tensor([place for _, place in self._rows.values()])

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape) -> Tensor:
        """Write and attend, as a step does, for the slots that are read: [slots, heads, size]."""
        tensor = self._page.layer_tensor(layer, pair[:, 0])
        own = pair if self._places is None else pair.index_select(0, self._owned)
        heads, size = pair.shape[2], pair.shape[3]
        tensor.view(-1, size)[self._targets_of(heads)] = own.reshape(-1, size)
        query = query if self._places is None else query.index_select(0, self._places)
        count = len(self.token_of_slot)
        keys = tensor[0].flatten(0, 1)[: count * heads, : self._length]
        values = tensor[1].flatten(0, 1)[: count * heads, : self._length]
        grouped = query.reshape(count * heads, -1, size)
        return attention(grouped, keys, values, self._mask(shape.window, heads), shape).view(count, -1, size)

    def _targets_of(self, heads: int) -> Tensor:
        """Where the new keys and values go, in a layer's tensor seen as [.., head size]."""
        if heads not in self._targets:
            page = self._page
            self._targets[heads] = self._tensor(
                [
                    ((half * page.slot_count + slot) * heads + head) * page.capacity + row.length
                    for slot, (row, _) in self._rows.items()
                    for half in (0, 1)
                    for head in range(heads)
                ]
            )
        return self._targets[heads]

    def _mask(self, window: int | None, heads: int) -> Tensor | None:
        """What each slot may not read, additive, [slots * heads, 1, keys]; None where all may be read."""
        if window not in self._masks:
            own = [
                self._rows[slot][0].length if slot in self._rows else 0
                for slot in range(len(self.token_of_slot))
            ]
            if len(set(own)) == 1 and (window is None or self._length <= window):
                self._masks[window] = None
            else:
                mask = causal_mask(self._tensor(own), self._length, window)
                self._masks[window] = mask.repeat_interleave(heads, 0)[:, None]
        return self._masks[window]

    def _tensor(self, values: list[int]) -> Tensor:
        return torch.tensor(values, device=self._device)


def causal_mask(own: Tensor, length: int, window: int | None) -> Tensor:
    """Which of `length` keys tokens at places `own` [tokens] may read: additive, [tokens, length]."""
    distance = own[:, None] - torch.arange(length, device=own.device)
    hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
    return torch.zeros(hidden.shape, device=own.device).masked_fill(hidden, NEG_INF)
