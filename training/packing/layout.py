"""Lessons in one row: none sees another, and what several begin with is read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.packing.attention import AnswerPass, AnswerSpan, AttentionOptions, PromptPass, Segment
from training.tokenization.examples import TokenizedExample, common_prefix

NAME = "alterego-packed"

Places = NDArray[np.int64]
Ids = NDArray[Any]


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Lessons of one forward pass, laid out as a tree: a token of each beginning that several share.

    `ids` and `positions` are [tokens], `segments` its branches. What stands behind place `before[n]` is
    learned as `targets[n]` with `weights[n]`: all [labels], lesson by lesson, one of `stretches` each.
    """

    ids: Tensor
    positions: Tensor
    segments: tuple[Segment, ...]
    stretches: tuple[AnswerSpan, ...]
    before: Tensor
    targets: Tensor
    weights: Tensor

    @property
    def reading(self) -> PromptPass:
        """How all tokens attend."""
        return PromptPass(self.segments)

    def answering(self, read: PromptPass) -> AnswerPass:
        """How the tokens before labels attend, when all have been read."""
        return AnswerPass(self.stretches, read.kept)


def pack(rows: Sequence[TokenizedExample], device: torch.device) -> PackedBatch:
    """Lay rows out, each as far as it is needed. The first id of a row is never learned."""
    ids = [row.ids[: np.flatnonzero(row.weights[1:])[-1] + 1].astype(np.int64) for row in rows]
    places = _places(ids)
    tokens, positions = (np.zeros(1 + max(map(np.max, places)), np.int64) for _ in range(2))
    for own, where in zip(ids, places, strict=True):
        tokens[where], positions[where] = own, np.arange(len(own))
    learned = [np.flatnonzero(row.weights[1:]) for row in rows]  # one before the label's own place
    ends = np.cumsum([0, *map(len, learned)]).tolist()

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(device)

    return PackedBatch(
        tensor(tokens),
        tensor(positions),
        tuple(_segments(places, tensor)),
        tuple(
            AnswerSpan(start, end, tensor(own), tensor(where))
            for start, end, own, where in zip(ends, ends[1:], learned, places, strict=False)
        ),
        tensor(np.concatenate([where[own] for where, own in zip(places, learned, strict=True)])),
        tensor(np.concatenate([row.ids[own + 1] for row, own in zip(rows, learned, strict=True)])).long(),
        tensor(np.concatenate([row.weights[own + 1] for row, own in zip(rows, learned, strict=True)])),
    )


def tokens_of(rows: Sequence[TokenizedExample]) -> int:
    """How many tokens of rows are read when they are packed."""
    return 1 + max(int(np.max(each)) for each in _places([row.ids[:-1] for row in rows]))


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    layout: PromptPass | AnswerPass | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """The attention function for transformers: query [1, heads, tokens, size], key and value with their own.

    Returns [1, tokens, heads, size]. Each lesson attends to itself alone.
    """
    if more.get("s_aux") is not None or mask is not None:
        raise NotImplementedError("attention with sinks, or with a mask of its own")
    layout = layout or PromptPass((Segment(0, query.shape[2], None),))
    how = AttentionOptions(query.shape[-1] ** -0.5 if scaling is None else scaling, sliding_window, softcap)
    return layout.attend(module.layer_idx, query, key, value, how).transpose(1, 2), None


def _places(ids: Sequence[Ids]) -> list[Places]:
    """For each lesson, which token of the row is its own n-th one; those that begin alike share theirs."""
    places = [np.zeros(0, np.int64)] * len(ids)
    last, count = -1, 0
    for each in sorted(range(len(ids)), key=lambda number: ids[number].tolist()):
        shared = common_prefix(ids[last], ids[each]) if last >= 0 else 0
        own = np.arange(count, count + len(ids[each]) - shared)
        places[each] = np.concatenate([places[last][:shared], own]) if shared else own
        last, count = each, count + len(own)
    return places


def _segments(places: Sequence[Places], tensor: Any) -> list[Segment]:
    """The branches, in the order of their tokens."""
    made, done = list[Segment](), 0
    for where in sorted(places, key=lambda each: (int(each[-1]), len(each))):
        start = int(np.searchsorted(where, done))
        if start < len(where):
            first = int(where[start])
            made.append(Segment(first, int(where[-1]) + 1, tensor(where[:start]) if start else None))
            done = int(where[-1]) + 1
    return made
