"""Attention over packed examples, for the pass over all tokens and for the pass over the answers alone.

One row holds several examples [1, heads, tokens, size]; a token attends to earlier tokens of its own example.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


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
            mask = self._mask(segment, length, window, query.device)
        return _masked_attention(query[:, :, own], key, value, mask, options)

    def _mask(self, segment: Segment, length: int, window: int | None, device: torch.device) -> Tensor:
        """Return the mask [queries, keys] of a segment, which all layers with that window share."""
        if (segment.start, window) not in self._masks:
            positions = torch.arange(length - (segment.end - segment.start), length, device=device)
            self._masks[segment.start, window] = _causal_mask(positions, length, window)
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
            self._masks[span.start, window] = _causal_mask(span.positions, key.shape[2], window)
        return _masked_attention(query[:, :, part], key, value, self._masks[span.start, window], options)


def _causal_mask(positions: Tensor, length: int, window: int | None) -> Tensor:
    """Return [queries, keys]: which of `length` keys the queries at these positions may attend to."""
    distance = positions[:, None] - torch.arange(length, device=positions.device)
    return (distance >= 0) & (distance < (window or length))


def _masked_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: AttentionOptions
) -> Tensor:
    """Return attention [1, heads, queries, size], causal without a mask [queries, keys]."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    if not options.softcap:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, scale=options.scale
        )
    assert mask is not None
    scores = options.softcap * torch.tanh(query @ key.transpose(-1, -2) * (options.scale / options.softcap))
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return functional.softmax(scores, -1, dtype=torch.float32).to(value.dtype) @ value
