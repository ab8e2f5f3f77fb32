"""Which tokens of a pass go through which adapters, laid out for batched products."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch
from bot.engine.kernels.gather_matmul import GatherMatmul, gather_matmul_of
from bot.engine.kernels.native import LoraTokens


@dataclass(frozen=True, slots=True)
class DecodeGroups:
    """Tokens that stand alone, by adapter: so many bays, each with as many places as the fullest one needs.

    Without `index`, the first bays * places tokens are the grid itself. Else `index` names the token of
    every place, and `inverse` the place of each of the `tokens`. `scale` [bays, places, 1] is the strength.
    """

    slot_count: int
    slot_tokens: int
    tokens: Tensor | int  # as in `GatherMatmul`
    index: Tensor | None = None
    inverse: Tensor | None = None
    scale: Tensor | None = None


@dataclass(frozen=True, slots=True)
class PrefillSpan:
    """Tokens of one row, end to end, under one adapter."""

    lora_slot: int
    start: int
    end: int
    strength: float


@dataclass(frozen=True)
class AdapterBatch:
    """Which tokens of a pass go through which adapters: single ones (place, bay, strength), and stretches."""

    decode_tokens: Sequence[tuple[int, int, float]]
    decode_layout: DecodeGroups | GatherMatmul | None  # the single ones, laid out
    prefill_spans: Sequence[PrefillSpan] = ()

    @cached_property
    def lora_tokens(self) -> LoraTokens:
        """All of them, for operations of our own."""
        every = [
            (n, one.lora_slot, one.strength) for one in self.prefill_spans for n in range(one.start, one.end)
        ]
        return LoraTokens([*self.decode_tokens, *every])


@dataclass(slots=True)
class ForwardContext:
    """The pass that is under way: for all its tokens, and for the last one of each row."""

    tokens: AdapterBatch | None = None
    last: AdapterBatch | None = None
    native_step: Any = None  # a `NativeStep`, where the pass takes whole layers


def adapter_batch_of(step: ForwardBatch, gather: bool) -> AdapterBatch | None:
    """Which tokens of a pass go through which bay, as bags or as a grid; None where no row has an adapter."""
    singles = [
        (place, span.lora_slot, span.strength)
        for place, span in enumerate(step.spans[: step.decode_count])
        if span.lora_slot >= 0
    ]
    stretches = [
        PrefillSpan(span.lora_slot, start, end, span.strength)
        for span, start, end in step.prefill_spans()
        if span.lora_slot >= 0
    ]
    if not singles and not stretches:
        return None
    return AdapterBatch(
        singles, gather_matmul_of(singles) if gather else decode_groups_of(singles, step), stretches
    )


def last_token_batch_of(step: ForwardBatch, gather: bool) -> AdapterBatch | None:
    """The same for the last token of every row."""
    tokens = [(i, span.lora_slot, span.strength) for i, span in enumerate(step.spans) if span.lora_slot >= 0]
    if not tokens:
        return None
    return AdapterBatch(tokens, gather_matmul_of(tokens) if gather else decode_groups_of(tokens, step))


def decode_groups_of(tokens: Sequence[tuple[int, int, float]], step: ForwardBatch) -> DecodeGroups | None:
    """Tokens (place, bay, strength) as a grid; None without any."""
    if not tokens:
        return None
    groups: dict[int, list[int]] = {}
    for place, bay, _ in tokens:
        groups.setdefault(bay, []).append(place)
    bays, places = max(groups) + 1, max(map(len, groups.values()))
    index = [(groups.get(bay, []) + [0] * places)[:places] for bay in range(bays)]
    flat = [place for row in index for place in row]
    strength = {place: value for place, _, value in tokens}
    scale = None
    if any(value != 1 for value in strength.values()):
        values = [strength.get(place, 0.0) for place in flat]
        scale = torch.tensor(values, device=step.device).view(bays, places, 1)
    changed = [place for place, _, _ in tokens]
    first = changed == list(range(len(changed)))
    which = len(changed) if first else step.tensor(changed)
    if first and flat == changed:
        return DecodeGroups(bays, places, which, scale=scale)
    held = {(bay, place): bay * places + n for bay, row in groups.items() for n, place in enumerate(row)}
    inverse = step.tensor([held[bay, place] for place, bay, _ in tokens])
    return DecodeGroups(bays, places, which, step.tensor(flat), inverse, scale)
