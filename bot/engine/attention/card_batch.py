"""The batch of one forward pass on graphics cards: one copy brings all its numbers, few kernels attend."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bot.engine.attention.card_attention import DecodeSlots, SlotShape, attend_prefill, slot_mask
from bot.engine.attention.decode_attention import causal_mask
from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_slab import KVSlab
from bot.engine.kernels.attention import AttentionShape
from bot.engine.runtime.transfer import PackedNumbers, upload

_ALIGNED = 16  # keys to whose multiples masked attention reads, so that kernels need no copy of the mask


class CardBatch(ForwardBatch):
    """As `ForwardBatch`, in few copies and kernels. Spans of one token stand in the order of their slots.

    `lora_slots` counts the LoRA slots up to the last one that a span is under; `scales_adapters` is true
    where a span's strength is not 1.
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
        self._pack(packed)
        ids = packed.add(self._flat_ids())
        numbers = upload(packed.values, self.device)
        self._place(numbers)
        self.ids = numbers[ids]

    def _pack(self, packed: PackedNumbers) -> None:
        """Add what the layers need, and keep the places; ids come from elsewhere."""
        decoding = self.spans[: self.decode_count]
        self._positions = packed.add(self._flat_positions())
        self._last = packed.add([start - 1 for start in self.starts[1:]])
        self._groups = _decode_groups(decoding, packed, self._shape_of)
        self._rows = packed.add(_rows_of(decoding, self._groups))
        slots = [span.lora_slot for span in self.spans]
        self.lora_slots = 1 + max(slots, default=-1)
        self.scales_adapters = any(span.strength != 1 for span in self.spans if span.lora_slot >= 0)
        self._owned = packed.add(slots)
        self._strengths = packed.add_floats([span.strength for span in self.spans])

    def _place(self, numbers: Tensor) -> None:
        """Take the packed numbers from where they are on the device."""
        self._numbers = {numbers.device: numbers}
        self._masks.clear()
        self._signed_sines.clear()
        self.positions, self.last = numbers[self._positions], numbers[self._last]
        self.decode_slabs = []  # those of operations in C

    @staticmethod
    def _shape_of(slab: KVSlab, slots: int, lengths: Sequence[int]) -> SlotShape:
        """Return what attention reads of a slab whose first slots hold these counts of tokens."""
        masked, longest = len(set(lengths)) > 1, max(lengths) + 1
        return SlotShape(slots, -(-longest // _ALIGNED) * _ALIGNED if masked else longest, masked)

    def owners_on(self, device: torch.device) -> Tensor:
        """Return which LoRA slot is a span's, bool [spans, LoRA slots, 1]."""
        key = "owners", device
        if key not in self._masks:
            slots = torch.arange(self.lora_slots, device=device)
            self._masks[key] = (self._numbers_on(device)[self._owned][:, None] == slots)[..., None]
        return self._masks[key]

    def zero_on(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """Return a zero []."""
        key = "zero", device, dtype
        if key not in self._masks:
            self._masks[key] = torch.zeros((), dtype=dtype, device=device)
        return self._masks[key]

    def strengths_on(self, device: torch.device, dtype: torch.dtype) -> Tensor | None:
        """Return the strengths [spans, 1, 1]; None where all are 1."""
        key = "strengths", device, dtype
        if self.scales_adapters and key not in self._masks:
            bits = self._numbers_on(device)[self._strengths]
            self._masks[key] = bits.view(torch.float64).to(dtype)[:, None, None]
        return self._masks.get(key)

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
        window = shape.window if shape.window is not None and shape.window < group.shape.length else None
        if not group.shape.masked and window is None:
            return None
        key = id(group), query.device, window
        if key not in self._masks:
            positions = self._numbers_on(query.device)[group.positions]
            self._masks[key] = slot_mask(positions, group.shape.length, window, query.dtype)
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


def _decode_groups(
    spans: Sequence[TokenSpan], packed: PackedNumbers, shape_of: Callable[..., SlotShape]
) -> tuple[DecodeSlots, ...]:
    """Group decoding spans by slab, in order, and add their numbers."""
    tokens: dict[int, list[int]] = {}
    for token, span in enumerate(spans):
        tokens.setdefault(id(span.kv_slot.slab), []).append(token)
    return tuple(_decode_slots(spans, group, packed, shape_of) for group in tokens.values())


def _decode_slots(
    spans: Sequence[TokenSpan],
    tokens: Sequence[int],
    packed: PackedNumbers,
    shape_of: Callable[..., SlotShape],
) -> DecodeSlots:
    slab, token_of_slot = spans[tokens[0]].kv_slot.slab, dict[int, int]()
    for token in tokens:
        token_of_slot.setdefault(spans[token].kv_slot.index, token)
    shape = shape_of(slab, 1 + max(token_of_slot), [spans[token].kv_slot.length for token in tokens])
    # Where spans repeat the first one, its result counts: they must write what it writes.
    written = [token_of_slot.get(slot, tokens[0]) for slot in range(shape.slots)]
    return DecodeSlots(
        slab=slab,
        shape=shape,
        tokens=packed.add(written),
        slots=packed.add([spans[token].kv_slot.index for token in written]),
        positions=packed.add([spans[token].kv_slot.length for token in written]),
        in_order=written == list(range(len(spans))),
    )


def _rows_of(spans: Sequence[TokenSpan], groups: Sequence[DecodeSlots]) -> list[int]:
    """Return the row of every decoding token in the groups' results, one behind the other."""
    firsts: dict[int, int] = {}
    first = 0
    for group in groups:
        firsts[id(group.slab)] = first
        first += group.shape.slots
    return [firsts[id(span.kv_slot.slab)] + span.kv_slot.index for span in spans]
