"""The mapping of a forward pass's tokens to LoRA slots, laid out for batched products."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.card_batch import CardBatch
from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.gather_matmul import GatherMatmul, gather_matmul_of
from bot.engine.kernels.native import LoraTokens

Token = tuple[int, int, float]  # index in the batch, LoRA slot, strength


@dataclass(frozen=True, slots=True)
class DecodeGroups:
    """Decoding tokens grouped by LoRA slot: `slot_count` groups, each padded to the size of the largest.

    Without `index`, the first slot_count * group_size tokens are the groups as they stand. Else `index`
    [slot_count * group_size] names the token of every place in a group, and `inverse` [changed] the place of
    each of the `tokens`. `scale` [slot_count, group_size, 1] is the strength; None where all are 1.
    """

    slot_count: int
    group_size: int
    tokens: Tensor | int  # as in `GatherMatmul`
    index: Tensor | None = None
    inverse: Tensor | None = None
    scale: Tensor | None = None


@dataclass(frozen=True, slots=True)
class SlotOwners:
    """The first `tokens` of a pass on cards, each multiplied with every LoRA slot and changed by its own.

    So the shapes depend on the counts of tokens and slots alone, and each slot's matrices are read once.
    """

    batch: CardBatch
    tokens: int

    def owners(self, x: Tensor) -> Tensor:
        """Return which slot is a token's, bool [tokens, LoRA slots, 1], on the device of x."""
        return self.batch.owners_on(x.device)[: self.tokens]

    def zero(self, x: Tensor) -> Tensor:
        """Return a zero [] in the dtype and on the device of x."""
        return self.batch.zero_on(x.device, x.dtype)

    def strengths(self, x: Tensor) -> Tensor | None:
        """Return the strengths [tokens, 1, 1] in the dtype and on the device of x; None where all are 1."""
        strengths = self.batch.strengths_on(x.device, x.dtype)
        return None if strengths is None else strengths[: self.tokens]


@dataclass(frozen=True, slots=True)
class PrefillSpan:
    """Tokens `start` to `end` of the batch: one sequence, under one adapter."""

    lora_slot: int
    start: int
    end: int
    strength: float


@dataclass(frozen=True)
class AdapterBatch:
    """The tokens of a pass that go through adapters: decoding tokens and prefill spans."""

    decode_tokens: Sequence[Token]
    decode_layout: DecodeGroups | GatherMatmul | SlotOwners | None  # the decoding tokens, laid out
    prefill_spans: Sequence[PrefillSpan] = ()

    @cached_property
    def lora_tokens(self) -> LoraTokens:
        """All tokens under adapters, for `Native.add_lora`."""
        prefill = [(n, s.lora_slot, s.strength) for s in self.prefill_spans for n in range(s.start, s.end)]
        return LoraTokens([*self.decode_tokens, *prefill])


@dataclass(slots=True)
class ForwardContext:
    """The forward pass under way: the adapters of all its tokens, and of each sequence's last token.

    `on_card`: passes are laid out as `CardBatch`.
    """

    on_card: bool = False
    tokens: AdapterBatch | None = None
    last: AdapterBatch | None = None
    native_step: Any = None  # a `NativeStep`, where the pass runs whole layers by `csrc/decoder_layer.h`


def adapter_batch_of(batch: ForwardBatch, gather: bool) -> AdapterBatch | None:
    """Map all tokens of a pass to LoRA slots; None where no sequence has an adapter.

    `gather`: lay the decoding tokens out as `GatherMatmul`, not as `DecodeGroups`.
    """
    decode_spans = enumerate(batch.spans[: batch.decode_count])
    tokens = [(n, span.lora_slot, span.strength) for n, span in decode_spans if span.lora_slot >= 0]
    prefill = [
        PrefillSpan(span.lora_slot, start, end, span.strength)
        for span, start, end in batch.prefill_spans()
        if span.lora_slot >= 0
    ]
    if not tokens and not prefill:
        return None
    return AdapterBatch(tokens, _layout_of(tokens, batch, gather, batch.decode_count), prefill)


def last_token_batch_of(batch: ForwardBatch, gather: bool) -> AdapterBatch | None:
    """Map the last token of each sequence to its LoRA slot, as `adapter_batch_of`."""
    tokens = [(n, span.lora_slot, span.strength) for n, span in enumerate(batch.spans) if span.lora_slot >= 0]
    return AdapterBatch(tokens, _layout_of(tokens, batch, gather, len(batch.spans))) if tokens else None


def _layout_of(
    tokens: Sequence[Token], batch: ForwardBatch, gather: bool, count: int
) -> DecodeGroups | GatherMatmul | SlotOwners | None:
    """`count`: of all tokens among which `tokens` are."""
    if isinstance(batch, CardBatch):
        return SlotOwners(batch, count) if tokens else None
    return gather_matmul_of(tokens) if gather else decode_groups_of(tokens, batch)


def decode_groups_of(tokens: Sequence[Token], batch: ForwardBatch) -> DecodeGroups | None:
    """Group decoding tokens by LoRA slot; None without any."""
    if not tokens:
        return None
    groups: dict[int, list[int]] = {}
    for token, slot, _ in tokens:
        groups.setdefault(slot, []).append(token)
    count, size = max(groups) + 1, max(map(len, groups.values()))
    flat = [token for slot in range(count) for token in (groups.get(slot, []) + [0] * size)[:size]]
    scale = _scale_of(tokens, flat, batch)
    scale = None if scale is None else scale.view(count, size, 1)
    changed = [token for token, _, _ in tokens]
    is_first = changed == list(range(len(changed)))
    changed_tokens = len(changed) if is_first else batch.tensor(changed)
    if is_first and flat == changed:
        return DecodeGroups(count, size, changed_tokens, scale=scale)
    places = {
        (slot, token): slot * size + n for slot, group in groups.items() for n, token in enumerate(group)
    }
    inverse = batch.tensor([places[slot, token] for token, slot, _ in tokens])
    return DecodeGroups(count, size, changed_tokens, batch.tensor(flat), inverse, scale)


def _scale_of(tokens: Sequence[Token], places: Sequence[int], batch: ForwardBatch) -> Tensor | None:
    """The strength of the token in each place [places], 0 for padding; None where all are 1."""
    if all(strength == 1 for _, _, strength in tokens):
        return None
    strengths = {token: strength for token, _, strength in tokens}
    return torch.tensor([strengths.get(token, 0.0) for token in places], device=batch.device)
