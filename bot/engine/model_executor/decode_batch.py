"""A decoding pass on graphics cards whose kernels are those of every other pass of its layout."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from bot.engine.attention.card_attention import SlotShape
from bot.engine.attention.card_batch import CardBatch
from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_slab import KVSlab
from bot.engine.runtime.transfer import PackedNumbers
from bot.engine.sampling.card_sampler import DrawRow, DrawSlices, DrawTensors

_MANY_ROWS = 8  # rows from which their count is a multiple of this, and below it a power of two
_MIN_LENGTH = 256  # tokens


class DecodeLayout(NamedTuple):
    """All that the kernels of a pass depend on, but for its numbers."""

    rows: int
    lora_slots: int
    scales_adapters: bool
    sorts_all: bool
    adjusts: bool
    groups: tuple[tuple[int, SlotShape, bool], ...]  # version of a slab, what is read of it, in order or not


class DecodeBatch(CardBatch):
    """As `CardBatch` for spans of one token and the draw behind it, with counts and lengths rounded up.

    Ids are none of the host's business: they are the latest tokens of the rows' sampler slots. Rows that fill
    the batch up repeat the first one. `numbers` int64 are all that this pass has of its own.
    """

    def __init__(
        self,
        spans: Sequence[TokenSpan],
        rows: Sequence[DrawRow],
        padding_slot: int,
        device: torch.device | str,
    ) -> None:
        """`rows` belong to the spans, one each; `padding_slot` of the sampler takes other rows' tokens."""
        self._own = tuple(spans)
        missing = rounded_rows(len(spans)) - len(spans)
        padding = [replace(rows[0], target=padding_slot)] * missing
        self._draw_rows = [*rows, *padding]
        super().__init__([*spans, *[spans[0]] * missing], device)

    @staticmethod
    def _in_order(spans: Sequence[TokenSpan]) -> list[TokenSpan]:
        return list(spans)

    def _lay_out(self) -> None:
        packed = PackedNumbers()
        self._pack(packed)
        self._draw_slices = DrawSlices.pack(self._draw_rows, packed)
        self.numbers: Sequence[int] = packed.values
        groups = tuple((group.slab.version, group.shape, group.in_order) for group in self._groups)
        self.sorts_all = any(row.is_wide for row in self._draw_rows)
        self.adjusts = any(row.is_adjusted for row in self._draw_rows)
        self.layout = DecodeLayout(
            len(self.spans), self.lora_slots, self.scales_adapters, self.sorts_all, self.adjusts, groups
        )

    def place(self, numbers: Tensor) -> DrawTensors:
        """Take the numbers from where they are on the device; return those of the draw."""
        self._place(numbers)
        return self._draw_slices.on(numbers)

    def advance(self) -> None:
        """As in `ForwardBatch`; rows that fill the batch up do not count."""
        for span in self._own:
            span.kv_slot.length += 1

    @staticmethod
    def _shape_of(slab: KVSlab, slots: int, lengths: Sequence[int]) -> SlotShape:
        return SlotShape(
            min(rounded_rows(slots), slab.slot_count), rounded_length(max(lengths) + 1, slab.capacity), True
        )


def rounded_rows(rows: int) -> int:
    """Return the rows of the smallest layout for so many: 1, 2, 4, then multiples of 8."""
    return 1 << (rows - 1).bit_length() if rows < _MANY_ROWS else -(-rows // _MANY_ROWS) * _MANY_ROWS


def rounded_length(length: int, capacity: int) -> int:
    """Return the tokens that are read of slots: at most an eighth of the next power of two more."""
    step = max(_MIN_LENGTH, (1 << (length - 1).bit_length()) // 8)
    return min(-(-length // step) * step, capacity)
