"""Attention over packed examples, for the pass over all tokens and for the pass over the answers alone.

One row holds several examples [1, heads, tokens, size]; a token attends to earlier tokens of its own example.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.packing.softcap import softcapped_attention

_NATIVE_GROUPS = "cpu"  # the device whose kernel takes masks and fewer key-value heads than heads


@dataclass(frozen=True, slots=True)
class AttentionOptions:
    """Score scale, sliding window (tokens) and logit softcap of a layer."""

    scale: float
    window: int | None = None
    softcap: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens [start:end) of a row, which continue the tokens at the indices `prefix` [tokens] of that row."""

    start: int
    end: int
    prefix: Tensor | None


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """Tokens [start:end) of the answer pass, which belong to one example.

    `positions` [end - start] are the tokens' positions in the example, `indices` [example tokens] the row
    index of every token of the example.
    """

    start: int
    end: int
    positions: Tensor
    indices: Tensor


KeyValues = tuple[Tensor, Tensor]  # keys and values of a layer: [1, heads, tokens, size]


class PromptPass:
    """Attention of all tokens of a row: each to the earlier tokens of its example.

    Without gradients, the pass keeps the keys and values of every layer in `key_values`.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments, self._masks = segments, dict[tuple[int, int | None], Tensor]()
        self.key_values: dict[int, KeyValues] = {}  # by layer

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        """Return attention [1, heads, tokens, size] of queries of that shape.

        Keys and values are [1, key-value heads, tokens, size].
        """
        if not torch.is_grad_enabled():
            self.key_values[layer] = key, value
        outputs = [self._attend_segment(segment, query, key, value, options) for segment in self._segments]
        return torch.cat(outputs, 2)

    def _attend_segment(
        self, segment: Segment, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        own, prefix = slice(segment.start, segment.end), segment.prefix
        if prefix is None:
            key, value = key[:, :, own], value[:, :, own]
        else:
            key, value = (torch.cat([row.index_select(2, prefix), row[:, :, own]], 2) for row in (key, value))
        mask, length = None, key.shape[2]
        window = options.window if options.window and options.window < length else None
        if prefix is not None or window or options.softcap:
            mask = self._mask(segment, length, window, query)
        return _masked_attention(query[:, :, own], key, value, mask, options)

    def _mask(self, segment: Segment, length: int, window: int | None, query: Tensor) -> Tensor:
        """Return the mask [queries, keys] of a segment, which all layers with that window share."""
        if (segment.start, window) not in self._masks:
            start = length - (segment.end - segment.start)
            positions = torch.arange(start, length, device=query.device)
            self._masks[segment.start, window] = _causal_mask(positions, length, window, query.dtype)
        return self._masks[segment.start, window]


class AnswerPass:
    """Attention of the tokens before labels, run again with gradients.

    Each token attends to its whole example: to keys and values of the prompt pass, replaced by those of this
    pass at its own tokens.
    """

    def __init__(self, spans: Sequence[AnswerSpan], prompt_key_values: Mapping[int, KeyValues]) -> None:
        self._spans, self._prompt_key_values = spans, prompt_key_values
        self._masks: dict[tuple[int, int | None], Tensor] = {}

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions
    ) -> Tensor:
        """Return attention [1, heads, labels, size] of queries of that shape, as `PromptPass.attend` does."""
        prompt = self._prompt_key_values[layer]
        outputs = [self._attend_span(span, query, (key, value), prompt, options) for span in self._spans]
        return torch.cat(outputs, 2)

    def _attend_span(
        self, span: AnswerSpan, query: Tensor, own: KeyValues, prompt: KeyValues, options: AttentionOptions
    ) -> Tensor:
        part = slice(span.start, span.end)
        key, value = (
            old.index_select(2, span.indices).index_copy(2, span.positions, new[:, :, part].to(old.dtype))
            for old, new in zip(prompt, own, strict=True)
        )
        window = options.window if options.window and options.window < key.shape[2] else None
        if (span.start, window) not in self._masks:
            self._masks[span.start, window] = _causal_mask(span.positions, key.shape[2], window, query.dtype)
        return _masked_attention(query[:, :, part], key, value, self._masks[span.start, window], options)


def _causal_mask(positions: Tensor, length: int, window: int | None, dtype: torch.dtype) -> Tensor:
    """Return what is added to scores [queries, keys]: zero where a query at these positions sees a key.

    The rows begin at multiples of eight, as a card's kernels want them: else every layer makes a copy.
    """
    distance = positions[:, None] - torch.arange(length, device=positions.device)
    hidden = (distance < 0) | (distance >= (window or length))
    mask = torch.zeros(len(positions), length + -length % 8, dtype=dtype, device=positions.device)
    return mask[:, :length].masked_fill_(hidden, -torch.inf)


def _masked_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
) -> Tensor:
    """Return attention [1, heads, queries, size], causal without a mask [queries, keys]."""
    if options.softcap:
        assert mask is not None
        return softcapped_attention(query, key, value, mask, options.scale, options.softcap)
    if query.device.type == _NATIVE_GROUPS:
        return functional.scaled_dot_product_attention(
            query, key, value, mask, is_causal=mask is None, scale=options.scale, enable_gqa=True
        )
    return _attention_by_groups(query, key, value, mask, options.scale)


def _attention_by_groups(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float
) -> Tensor:
    """Return attention with each key-value head as a batch of its own, whose query heads all read it.

    The keys of a group are a view that nobody copies. With `enable_gqa`, no kernel of a card takes a mask,
    and none of an older card is left: all scores would be kept.
    """
    grouped = query.reshape(key.shape[1], -1, *query.shape[2:])
    key, value = (each.transpose(0, 1).expand(-1, grouped.shape[1], -1, -1) for each in (key, value))
    out = functional.scaled_dot_product_attention(
        grouped, key, value, mask, is_causal=mask is None, scale=scale
    )
    return out.reshape(query.shape)
