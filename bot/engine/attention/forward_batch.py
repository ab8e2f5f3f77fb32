"""One forward pass over rows of any length: new tokens lie end to end, only attention tells rows apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bot.engine.attention.decode_attention import DecodeAttention, causal_mask
from bot.engine.attention.kv_slab import KVSlot
from bot.engine.kernels.attention import AttentionShape, attention
from bot.engine.kernels.native import Native


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """The next tokens of a row, under the adapter in a bay of the live ones (-1 is none)."""

    kv_slot: KVSlot
    ids: tuple[int, ...]
    lora_slot: int = -1
    strength: float = 1.0


class ForwardBatch:
    """What every layer of one forward pass needs to know, worked out once.

    Spans of one token come first, by the bay of their adapter; longer ones follow. `spans` is that order, in
    which `last` [spans] names every span's last token. The rows' lengths grow with `advance`, after the pass:
    until then it may be repeated.
    """

    def __init__(
        self, spans: Sequence[TokenSpan], device: torch.device | str, native: Native | None = None
    ) -> None:
        order = sorted(spans, key=lambda span: (len(span.ids) > 1, span.lora_slot < 0, span.lora_slot))
        self.spans = tuple(order)
        self.decode_count = sum(len(span.ids) == 1 for span in order)
        self.device, self._native = device, native
        starts = [0]
        for span in order:
            starts.append(starts[-1] + len(span.ids))
        self.starts = tuple(starts)
        self.ids = self.tensor([token for span in order for token in span.ids])
        self.positions = self.tensor(
            [
                place
                for span in order
                for place in range(span.kv_slot.length, span.kv_slot.length + len(span.ids))
            ]
        )
        self.last = self.tensor([start - 1 for start in starts[1:]])
        self._reaches: dict[tuple[int, int | None], Tensor] = {}
        self._signed: dict[int, tuple[Tensor, Tensor]] = {}
        self.decode_slabs = self._single_pages()

    def tensor(self, values: Sequence[int]) -> Tensor:
        """Whole numbers on the device."""
        return torch.tensor(values, device=self.device)

    def signed_sines(self, sin: Tensor) -> Tensor:
        """The sines of rotary positions, those of the first half negative; once for all layers they serve."""
        if id(sin) not in self._signed:
            half = sin.shape[-1] // 2
            # with the sines, so that their id is not given to others
            self._signed[id(sin)] = sin, torch.cat((-sin[..., :half], sin[..., half:]), -1)
        return self._signed[id(sin)][1]

    def advance(self) -> None:
        """Count the tokens of a pass that went well."""
        for span in self.spans:
            span.kv_slot.length += len(span.ids)

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape) -> Tensor:
        """Write keys and values, and attend: query [tokens, heads, size], pair [tokens, 2, kv heads, size].

        Returns [tokens, heads * size].
        """
        if self._native is not None and self._native.supports_attention(
            query.shape[-1], query.shape[1] // pair.shape[2]
        ):
            return self._attend_native(self._native, layer, query, pair, shape)
        parts = [page.attend(layer, query, pair, shape) for page in self.decode_slabs]
        parts += [
            _attend_span(span, layer, query[start:end], pair[start:end], self._reach(span, shape), shape)
            for span, start, end in self.prefill_spans()
        ]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        whole = whole.flatten(1)
        return whole if self._restore is None else whole.index_select(0, self._restore)

    def _attend_native(
        self, native: Native, layer: int, query: Tensor, pair: Tensor, shape: AttentionShape
    ) -> Tensor:
        whole = query.new_empty(query.shape)
        for page in self.decode_slabs:
            native.decode_attention(
                query, pair, page.layer_tensor(layer, pair[:, 0]), whole, page.native_targets, shape
            )
        for span, start, end in self.prefill_spans():
            mask = self._reach(span, shape)
            whole[start:end] = _attend_span(span, layer, query[start:end], pair[start:end], mask, shape)
        return whole.flatten(1)

    def prefill_spans(self) -> list[tuple[TokenSpan, int, int]]:
        """Spans of more than one token, each with its start and end among the tokens."""
        bounds = zip(self.spans, self.starts, self.starts[1:], strict=False)
        return list(bounds)[self.decode_count :]

    def _single_pages(self) -> list[DecodeAttention]:
        found: dict[int, DecodeAttention] = {}
        for place, span in enumerate(self.spans[: self.decode_count]):
            page = span.kv_slot.slab
            found.setdefault(id(page), DecodeAttention(page, self.starts[-1], self.device)).add_slot(
                span.kv_slot, place
            )
        return list(found.values())

    @cached_property
    def _restore(self) -> Tensor | None:
        """Where every token's result is, when the pages' results stand one after the other."""
        places = [place for page in self.decode_slabs for place in page.token_of_slot]
        if places == list(range(self.decode_count)):
            return None
        where: dict[int, int] = {}
        offset = 0
        for page in self.decode_slabs:
            where |= {
                place: offset + slot for slot, place in enumerate(page.token_of_slot) if place is not None
            }
            offset += len(page.token_of_slot)
        singles = [where[place] for place in range(self.decode_count)]
        return self.tensor([*singles, *range(offset, offset + self.starts[-1] - self.decode_count)])

    def _reach(self, span: TokenSpan, shape: AttentionShape) -> Tensor:
        """Which keys each new token of a span may read: additive, [tokens, keys]."""
        key = (id(span), shape.window)
        if key not in self._reaches:
            end = span.kv_slot.length + len(span.ids)
            own = torch.arange(span.kv_slot.length, end, device=self.device)
            self._reaches[key] = causal_mask(own, end, shape.window)
        return self._reaches[key]


def _attend_span(
    span: TokenSpan, layer: int, query: Tensor, pair: Tensor, mask: Tensor, shape: AttentionShape
) -> Tensor:
    """As `ForwardBatch.attend`, for one span: [tokens, heads, size]."""
    row, (count, _, heads, size) = span.kv_slot, pair.shape
    tensor = row.slab.layer_tensor(layer, pair[:, 0])
    end = row.length + count
    tensor[:, row.index, :, row.length : end] = pair.permute(1, 2, 0, 3)
    keys, values = tensor[:, row.index, :, :end]
    grouped = query.view(count, heads, -1, size).permute(1, 2, 0, 3)  # [kv heads, group, tokens, size]
    group = grouped.shape[1]
    found = attention(grouped.reshape(heads, group * count, size), keys, values, mask.repeat(group, 1), shape)
    return found.view(heads, group, count, size).permute(2, 0, 1, 3).reshape(count, heads * group, size)
