"""The batch of one forward pass: new tokens of all sequences end to end; only attention separates them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bot.engine.attention.decode_attention import DecodeAttention, causal_mask
from bot.engine.attention.kv_slab import KVSlot
from bot.engine.kernels.attention import AttentionShape, attention
from bot.engine.kernels.native import Native

MAX_CHUNK = 1024  # prompt tokens of a forward batch


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """The next tokens of a sequence, under the adapter in a LoRA slot (-1 for none)."""

    kv_slot: KVSlot
    ids: tuple[int, ...]
    lora_slot: int = -1
    strength: float = 1.0


class ForwardBatch:
    """The token spans of one forward pass and all that its layers share, computed once.

    Spans of one token (decoding) come first, by LoRA slot; longer ones (prefill) follow. `spans` has that
    order, and `last` [spans] is the index of every span's last token. `advance` adds to the slots' lengths
    after the pass: until then the pass may be repeated.
    """

    def __init__(
        self, spans: Sequence[TokenSpan], device: torch.device | str, native: Native | None = None
    ) -> None:
        order = self._in_order(spans)
        self.spans = tuple(order)
        self.decode_count = sum(len(span.ids) == 1 for span in order)
        self.device, self._native = device, native
        starts = [0]
        for span in order:
            starts.append(starts[-1] + len(span.ids))
        self.starts = tuple(starts)
        self._masks: dict[Hashable, Tensor] = {}  # by span and window
        self._signed_sines: dict[int, tuple[Tensor, Tensor]] = {}
        self._lay_out()

    @staticmethod
    def _in_order(spans: Sequence[TokenSpan]) -> list[TokenSpan]:
        return sorted(spans, key=lambda span: (len(span.ids) > 1, span.lora_slot < 0, span.lora_slot))

    def _lay_out(self) -> None:
        """Make the tensors that all layers share."""
        self.ids = self.tensor(self._flat_ids())
        self.positions = self.tensor(self._flat_positions())
        self.last = self.tensor([start - 1 for start in self.starts[1:]])
        self.decode_slabs = self._group_by_slab()

    def _flat_ids(self) -> list[int]:
        return [token for span in self.spans for token in span.ids]

    def _flat_positions(self) -> list[int]:
        return [
            position
            for span in self.spans
            for position in range(span.kv_slot.length, span.kv_slot.length + len(span.ids))
        ]

    def tensor(self, values: Sequence[int]) -> Tensor:
        """Return integers [len(values)] on the device, int64."""
        return torch.tensor(values, device=self.device)

    def signed_sines(self, sin: Tensor) -> Tensor:
        """Return sines [.., size] with the first half negated; once for all layers that share them."""
        if id(sin) not in self._signed_sines:
            half = sin.shape[-1] // 2
            # kept with the sines, so that no other tensor gets their id
            self._signed_sines[id(sin)] = sin, torch.cat((-sin[..., :half], sin[..., half:]), -1)
        return self._signed_sines[id(sin)][1]

    def advance(self) -> None:
        """Add the tokens of a pass that succeeded to their slots' lengths."""
        for span in self.spans:
            span.kv_slot.length += len(span.ids)

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape) -> Tensor:
        """Append keys and values to the KV slots and attend.

        query [tokens, heads, size], pair [tokens, 2, kv heads, size]; returns [tokens, heads * size].
        """
        if self._native is not None and self._native.supports_attention(
            query.shape[-1], query.shape[1] // pair.shape[2]
        ):
            return self._attend_native(self._native, layer, query, pair, shape)
        parts = [slab.attend(layer, query, pair, shape) for slab in self.decode_slabs]
        parts += [
            _attend_span(span, layer, query[start:end], pair[start:end], self._mask(span, shape), shape)
            for span, start, end in self.prefill_spans()
        ]
        out = parts[0] if len(parts) == 1 else torch.cat(parts)
        out = out.flatten(1)
        return out if self._token_order is None else out.index_select(0, self._token_order)

    def _attend_native(
        self, native: Native, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape
    ) -> Tensor:
        out = query.new_empty(query.shape)
        for slab in self.decode_slabs:
            cache = slab.layer_tensor(layer, pair[:, 0])
            native.decode_attention(query, pair, cache, out, slab.native_targets, shape)
        for span, start, end in self.prefill_spans():
            mask = self._mask(span, shape)
            out[start:end] = _attend_span(span, layer, query[start:end], pair[start:end], mask, shape)
        return out.flatten(1)

    def prefill_spans(self) -> list[tuple[TokenSpan, int, int]]:
        """Return the spans of more than one token, each with its start and end among the tokens."""
        bounds = zip(self.spans, self.starts, self.starts[1:], strict=False)
        return list(bounds)[self.decode_count :]

    def _group_by_slab(self) -> list[DecodeAttention]:
        slabs: dict[int, DecodeAttention] = {}
        for token, span in enumerate(self.spans[: self.decode_count]):
            slab = span.kv_slot.slab
            group = slabs.setdefault(id(slab), DecodeAttention(slab, self.starts[-1], self.device))
            group.add_slot(span.kv_slot, token)
        return list(slabs.values())

    @cached_property
    def _token_order(self) -> Tensor | None:
        """The row of every token [tokens] in the concatenated results of slabs and spans; None in order."""
        tokens = [token for slab in self.decode_slabs for token in slab.token_of_slot]
        if tokens == list(range(self.decode_count)):
            return None
        rows: dict[int, int] = {}
        offset = 0
        for slab in self.decode_slabs:
            slab_tokens = enumerate(slab.token_of_slot)
            rows |= {token: offset + index for index, token in slab_tokens if token is not None}
            offset += len(slab.token_of_slot)
        decoding = [rows[token] for token in range(self.decode_count)]
        return self.tensor([*decoding, *range(offset, offset + self.starts[-1] - self.decode_count)])

    def _mask(self, span: TokenSpan, shape: AttentionShape) -> Tensor:
        """The additive mask [tokens, keys] of a prefill span."""
        key = (id(span), shape.window)
        if key not in self._masks:
            end = span.kv_slot.length + len(span.ids)
            positions = torch.arange(span.kv_slot.length, end, device=self.device)
            self._masks[key] = causal_mask(positions, end, shape.window)
        return self._masks[key]


def _attend_span(
    span: TokenSpan, layer: int, query: Tensor, pair: Tensor, mask: Tensor, shape: AttentionShape
) -> Tensor:
    """As `ForwardBatch.attend` for one prefill span: [tokens, heads, size]."""
    slot, (count, _, heads, size) = span.kv_slot, pair.shape
    tensor = slot.slab.layer_tensor(layer, pair[:, 0])
    end = slot.length + count
    tensor[:, slot.index, :, slot.length : end] = pair.permute(1, 2, 0, 3)
    keys, values = tensor[:, slot.index, :, :end]
    grouped = query.view(count, heads, -1, size).permute(1, 2, 0, 3)  # [kv heads, group, tokens, size]
    group = grouped.shape[1]
    out = attention(grouped.reshape(heads, group * count, size), keys, values, mask.repeat(group, 1), shape)
    return out.view(heads, group, count, size).permute(2, 0, 1, 3).reshape(count, heads * group, size)
