"""Layout of packed examples: several examples in one row, with each shared prefix once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.packing.attention import AnswerPass, AnswerSpan, AttentionOptions, PromptPass, Segment
from training.tokenization.examples import TokenizedExample, common_prefix

ATTENTION_NAME = "alterego-packed"

Indices = NDArray[np.int64]
Ids = NDArray[Any]
ToTensor = Callable[[NDArray[Any]], Tensor]


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Examples of one forward pass, laid out as a prefix tree.

    `ids` [tokens] and `positions` [tokens] hold each shared prefix once, `segments` are the branches of the
    tree. The hidden state at row index `logits_indices[n]` predicts the label `targets[n]`, whose loss has
    the weight `weights[n]`: all three are [labels], example by example, one of `answer_spans` each.
    """

    ids: Tensor
    positions: Tensor
    segments: tuple[Segment, ...]
    answer_spans: tuple[AnswerSpan, ...]
    logits_indices: Tensor
    targets: Tensor
    weights: Tensor

    def prompt_pass(self) -> PromptPass:
        """Return the attention of all tokens."""
        return PromptPass(self.segments)

    def answer_pass(self, prompt: PromptPass) -> AnswerPass:
        """Return the attention of the tokens before labels, behind a finished pass over all tokens."""
        return AnswerPass(self.answer_spans, prompt.key_values)


def pack_examples(examples: Sequence[TokenizedExample], device: torch.device) -> PackedBatch:
    """Pack examples into one row, each up to its last label. The first id of an example is never a label.

    Two examples `1 2 3 4` and `1 2 5 6`, whose labels are their last ids, become the ids `1 2 3 5`, the
    positions `0 1 2 2`, the logits indices `2 3` and the targets `4 6`.
    """
    ids = [each.ids[: np.flatnonzero(each.weights[1:])[-1] + 1].astype(np.int64) for each in examples]
    indices = _row_indices(ids)
    tokens, positions = (np.zeros(1 + max(map(np.max, indices)), np.int64) for _ in range(2))
    for own, row in zip(ids, indices, strict=True):
        tokens[row], positions[row] = own, np.arange(len(own))
    before_labels = [np.flatnonzero(each.weights[1:]) for each in examples]  # positions in the example
    labelled = list(zip(examples, before_labels, strict=True))
    ends = np.cumsum([0, *map(len, before_labels)]).tolist()

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(device)

    return PackedBatch(
        tensor(tokens),
        tensor(positions),
        tuple(_segments(indices, tensor)),
        tuple(
            AnswerSpan(start, end, tensor(own), tensor(row))
            for start, end, own, row in zip(ends, ends[1:], before_labels, indices, strict=False)
        ),
        tensor(np.concatenate([row[own] for row, own in zip(indices, before_labels, strict=True)])),
        tensor(np.concatenate([each.ids[own + 1] for each, own in labelled])).long(),
        tensor(np.concatenate([each.weights[own + 1] for each, own in labelled])),
    )


def packed_length(examples: Sequence[TokenizedExample]) -> int:
    """Return the number of tokens of a row with these examples, each shared prefix counted once."""
    return 1 + max(int(np.max(row)) for row in _row_indices([each.ids[:-1] for each in examples]))


def packed_attention(
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
    """Return attention [1, tokens, heads, size], in which each example attends to itself alone.

    The function has the signature of transformers' `AttentionInterface`: query [1, heads, tokens, size], key
    and value [1, key-value heads, tokens, size]. Raises `NotImplementedError` for attention with sinks or
    with a mask.
    """
    if more.get("s_aux") is not None or mask is not None:
        raise NotImplementedError("attention with sinks, or with a mask of its own")
    layout = layout or PromptPass((Segment(0, query.shape[2], None),))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    options = AttentionOptions(scale, sliding_window, softcap)
    return layout.attend(module.layer_idx, query, key, value, options).transpose(1, 2), None


def _row_indices(ids: Sequence[Ids]) -> list[Indices]:
    """Return for each example the row indices [tokens] of its tokens; a common prefix has the same ones."""
    indices = [np.zeros(0, np.int64)] * len(ids)
    last, count = -1, 0
    for each in sorted(range(len(ids)), key=lambda number: ids[number].tolist()):
        shared = common_prefix(ids[last], ids[each]) if last >= 0 else 0
        own = np.arange(count, count + len(ids[each]) - shared)
        indices[each] = np.concatenate([indices[last][:shared], own]) if shared else own
        last, count = each, count + len(own)
    return indices


def _segments(indices: Sequence[Indices], tensor: ToTensor) -> list[Segment]:
    """Return the branches of the prefix tree, in the order of their tokens."""
    segments, done = list[Segment](), 0
    for row in sorted(indices, key=lambda each: (int(each[-1]), len(each))):
        start = int(np.searchsorted(row, done))
        if start < len(row):
            end = int(row[-1]) + 1
            segments.append(Segment(int(row[start]), end, tensor(row[:start]) if start else None))
            done = end
    return segments
