"""Which tokens of a row of lessons attend to which, while all are read and while the answers are learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, softmax


@dataclass(frozen=True, slots=True)
class AttentionOptions:
    """How a layer attends."""

    scale: float
    window: int | None = None
    softcap: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens [start:end) of a row, which go on where those at the places `before` [tokens] ended."""

    start: int
    end: int
    before: Tensor | None


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """The tokens [start:end) before labels that are one lesson's.

    `own` are their positions in the lesson, `places` [lesson] where all of its tokens are in the row.
    """

    start: int
    end: int
    own: Tensor
    places: Tensor


Kept = tuple[Tensor, Tensor]  # keys and values of a layer: [1, heads, tokens, size]


class PromptPass:
    """Every token attends to what stands before it in its lesson."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments, self._masks = segments, dict[tuple[int, int | None], Tensor]()
        self.kept: dict[int, Kept] = {}  # by layer, where nothing is learned from what is read

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: AttentionOptions) -> Tensor:
        """Query [1, heads, tokens, size] -> the same; key and value have heads of their own number."""
        if not torch.is_grad_enabled():
            self.kept[layer] = key, value
        return torch.cat([self._attend(each, query, key, value, how) for each in self._segments], 2)

    def _attend(
        self, each: Segment, query: Tensor, key: Tensor, value: Tensor, how: AttentionOptions
    ) -> Tensor:
        own = slice(each.start, each.end)
        mask = None
        if each.before is None:
            key, value = key[:, :, own], value[:, :, own]
        else:
            key, value = (
                torch.cat([whole.index_select(2, each.before), whole[:, :, own]], 2) for whole in (key, value)
            )
        size, length = each.end - each.start, key.shape[2]
        window = how.window if how.window and how.window < length else None
        if each.before is not None or window or how.softcap:
            if (each.start, window) not in self._masks:
                places = torch.arange(length - size, length, device=query.device)
                self._masks[each.start, window] = _seen(places, length, window)
            mask = self._masks[each.start, window]
        return _weighted(query[:, :, own], key, value, mask, how)


class AnswerPass:
    """The tokens before labels, run again to be learned from, attend to all that was read before them."""

    def __init__(self, stretches: Sequence[AnswerSpan], kept: Mapping[int, Kept]) -> None:
        self._stretches, self._kept = stretches, kept
        self._masks: dict[tuple[int, int | None], Tensor] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: AttentionOptions) -> Tensor:
        """As `Reading.attend`, with these tokens' keys and values instead of those that were read."""
        read = self._kept[layer]
        return torch.cat([self._attend(each, query, (key, value), read, how) for each in self._stretches], 2)

    def _attend(
        self, each: AnswerSpan, query: Tensor, own: Kept, read: Kept, how: AttentionOptions
    ) -> Tensor:
        part = slice(each.start, each.end)
        key, value = (
            old.index_select(2, each.places).index_copy(2, each.own, new[:, :, part].to(old.dtype))
            for old, new in zip(read, own, strict=True)
        )
        window = how.window if how.window and how.window < key.shape[2] else None
        if (each.start, window) not in self._masks:
            self._masks[each.start, window] = _seen(each.own, key.shape[2], window)
        return _weighted(query[:, :, part], key, value, self._masks[each.start, window], how)


def _seen(places: Tensor, length: int, window: int | None) -> Tensor:
    """Which of `length` keys the queries at these places may read: [queries, keys]."""
    distance = places[:, None] - torch.arange(length, device=places.device)
    return (distance >= 0) & (distance < (window or length))


def _weighted(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, how: AttentionOptions
) -> Tensor:
    """Attention, causal where there is no mask."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    if not how.softcap:
        return scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None, scale=how.scale
        )
    assert mask is not None
    scores = how.softcap * torch.tanh(query @ key.transpose(-1, -2) * (how.scale / how.softcap))
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return softmax(scores, -1, dtype=torch.float32).to(value.dtype) @ value
