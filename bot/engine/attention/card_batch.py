"""The batch of one forward pass on graphics cards: one copy brings all its numbers, few kernels attend."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bot.engine.attention.card_attention import DecodeSlots, attend_prefill, slot_mask
from bot.engine.attention.decode_attention import causal_mask
from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.kernels.attention import AttentionShape
from bot.engine.runtime.transfer import upload

_ALIGNED = 16  # keys to whose multiples masked attention reads, so that kernels need no copy of the mask


@dataclass(slots=True)
class PackedNumbers:
    """Lists of numbers that cross to a card as one tensor [count], int64; floats as the bits of float64."""

    values: list[int] = field(default_factory=list)

    def add(self, numbers: Sequence[int]) -> slice:
        """Append integers; return their place."""
        start = len(self.values)
        self.values += numbers
        return slice(start, len(self.values))

    def add_floats(self, numbers: Sequence[float]) -> slice:
        """Append floats; return their place."""
        count = len(numbers)
        return self.add(struct.unpack(f"{count}q", struct.pack(f"{count}d", *numbers)))


class CardBatch(ForwardBatch):
    """As `ForwardBatch`, in few copies and kernels. Spans of one token stand in the order of their slots.

    `lora_slots` counts the LoRA slots up to the last one that a span is under.
    """

    @staticmethod
    def _in_order(spans: Sequence[TokenSpan]) -> list[TokenSpan]:
        slabs: dict[int, int] = {}
        for span in spans:
            slabs.setdefault(id(span.kv_slot.slab), len(slabs))
        return sorted(
            spans, key=lambda span: (len(span.ids) > 1, slabs[id(span.kv_slot.slab)], span.kv_slot.index)
        )

    def _lay_out(self) -> None:
        packed = PackedNumbers()
        ids, positions = packed.add(self._flat_ids()), packed.add(self._flat_positions())
        last = packed.add([start - 1 for start in self.starts[1:]])
        self._groups = _decode_groups(self.spans[: self.decode_count], packed)
        self._rows = packed.add(_rows_of(self.spans[: self.decode_count], self._groups))
        self.lora_slots = 1 + max((span.lora_slot for span in self.spans), default=-1)
        strengths = packed.add_floats(
            [
                span.strength if span.lora_slot == slot else 0.0
                for slot in range(self.lora_slots)
                for span in self.spans
            ]
        )
        numbers = upload(packed.values, self.device)
        self._numbers = {numbers.device: numbers}
        self.ids, self.positions, self.last = numbers[ids], numbers[positions], numbers[last]
        self._strengths = strengths
        self.decode_slabs = []  # those of operations in C

    def strengths_on(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """Return the strengths [LoRA slots, spans, 1]: of a span's own slot, and 0 of others."""
        key = "strengths", device, dtype
        if key not in self._masks:
            bits = self._numbers_on(device)[self._strengths]
            self._masks[key] = bits.view(torch.float64).view(self.lora_slots, -1, 1).to(dtype)
        return self._masks[key]

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape) -> Tensor:
        """As `ForwardBatch.attend`."""
        numbers = self._numbers_on(query.device)
        parts = [
            group.attend(
                group.slab.layer_tensor(layer, pair[:, 0]),
                query[: self.decode_count],
                pair[: self.decode_count],
                numbers,
                self._decode_mask(group, query, shape),
                shape,
            )
            for group in self._groups
        ]
        if parts and not self._groups[0].in_order:
            parts = [(parts[0] if len(parts) == 1 else torch.cat(parts)).index_select(0, numbers[self._rows])]
        parts += [
            attend_prefill(
                span.kv_slot,
                span.kv_slot.slab.layer_tensor(layer, pair[:, 0]),
                query[start:end],
                pair[start:end],
                self._prefill_mask(span, query, shape),
                shape,
            )
            for span, start, end in self.prefill_spans()
        ]
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).flatten(1)

    def _numbers_on(self, device: torch.device) -> Tensor:
        """Return the numbers of the pass on one of several cards."""
        if device not in self._numbers:
            self._numbers[device] = next(iter(self._numbers.values())).to(device, non_blocking=True)
        return self._numbers[device]

    def _decode_mask(self, group: DecodeSlots, query: Tensor, shape: AttentionShape) -> Tensor | None:
        window = shape.window if shape.window is not None and shape.window < group.length else None
        if not group.masked and window is None:
            return None
        key = id(group), query.device, window
        if key not in self._masks:
            positions = self._numbers_on(query.device)[group.positions]
            self._masks[key] = slot_mask(positions, group.length, window, query.dtype)
        return self._masks[key]

    def _prefill_mask(self, span: TokenSpan, query: Tensor, shape: AttentionShape) -> Tensor | None:
        start, end = span.kv_slot.length, span.kv_slot.length + len(span.ids)
        window = shape.window if shape.window is not None and shape.window < end else None
        if start == 0 and window is None and shape.softcap is None:
            return None
        key = id(span), query.device, window
        if key not in self._masks:
            positions = torch.arange(start, end, device=query.device)
            self._masks[key] = causal_mask(positions, end, window).to(query.dtype)
        return self._masks[key]


def _decode_groups(spans: Sequence[TokenSpan], packed: PackedNumbers) -> tuple[DecodeSlots, ...]:
    """Group decoding spans by slab, in order, and add their numbers."""
    tokens: dict[int, list[int]] = {}
    for token, span in enumerate(spans):
        tokens.setdefault(id(span.kv_slot.slab), []).append(token)
    return tuple(_decode_slots(spans, group, packed) for group in tokens.values())


def _decode_slots(spans: Sequence[TokenSpan], tokens: Sequence[int], packed: PackedNumbers) -> DecodeSlots:
    by_slot = {spans[token].kv_slot.index: token for token in tokens}
    slots = max(by_slot) + 1
    written = [by_slot.get(slot, tokens[0]) for slot in range(slots)]
    lengths = [spans[token].kv_slot.length for token in written]
    masked = len(set(lengths)) > 1
    slab = spans[tokens[0]].kv_slot.slab
    longest = max(lengths) + 1
    return DecodeSlots(
        slab=slab,
        count=slots,
        length=-(-longest // _ALIGNED) * _ALIGNED if masked else longest,
        tokens=packed.add(written),
        slots=packed.add([spans[token].kv_slot.index for token in written]),
        positions=packed.add(lengths),
        in_order=written == list(range(len(spans))),
        masked=masked,
    )


def _rows_of(spans: Sequence[TokenSpan], groups: Sequence[DecodeSlots]) -> list[int]:
    """Return the row of every decoding token in the groups' results, one behind the other."""
    firsts: dict[int, int] = {}
    first = 0
    for group in groups:
        firsts[id(group.slab)] = first
        first += group.count
    return [firsts[id(span.kv_slot.slab)] + span.kv_slot.index for span in spans]
