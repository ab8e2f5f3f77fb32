"""The sampler on the CPU: it computes only what the settings of a batch's sequences need."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bot.engine.runtime.transfer import upload
from bot.engine.sampling.ops import (
    NEG_INF,
    SamplingColumns,
    penalise_repetition,
    sample_tokens,
    scale_logits,
    score_buffer,
)
from bot.engine.sampling.sampler_slots import SamplerSlots, SamplerState

_SPARE_IDS = 512  # columns for seen ids that are added when there are too few


class Sampler(SamplerSlots):
    """As `SamplerSlots`."""

    def __init__(self, vocabulary: int, slots: int, device: torch.device | str = "cpu") -> None:
        """`slots` is the most sequences at once."""
        super().__init__(vocabulary, slots)
        self._device = device
        # The ids that each slot's sequence has seen, [slots, any]; columns behind them repeat one of them.
        self._seen_ids = torch.zeros((slots, 1), dtype=torch.int64, device=device)
        # of the slots of the latest step
        self._columns: tuple[tuple[int, ...], Tensor, SamplingColumns] | None = None
        self._buffer = score_buffer(0, vocabulary, device)

    def remove_sequence(self, slot: int) -> None:
        """As in `SamplerSlots`."""
        super().remove_sequence(slot)
        self._columns = None  # the slot's next sequence has other settings

    @torch.inference_mode()
    def sample(self, logits: Tensor, slots: Sequence[int]) -> list[int | None]:
        """As in `SamplerSlots`."""
        indices, columns = self._settings(tuple(slots))
        states = [self._states[slot] for slot in slots]
        if len(self._buffer) < len(slots):
            self._buffer = score_buffer(len(slots), self._vocabulary, self._device)
        scores = scale_logits(logits, columns.temperature, self._buffer)
        if longest := max(len(state.seen_ids) for state in states):
            seen_ids = self._seen_ids[:, :longest].index_select(0, indices)
            penalise_repetition(scores, seen_ids, _penalty(columns.penalty, states))
        _forbid_ids(scores, states)
        numbers = upload([state.number for state in states], logits.device, torch.float64)
        tokens = self._with_forced(slots, sample_tokens(scores, columns, numbers[:, None]))
        self._add_tokens(slots, tokens)
        self._note_forced(slots)
        return tokens

    def _settings(self, slots: tuple[int, ...]) -> tuple[Tensor, SamplingColumns]:
        """The slots as a tensor [slots], and their settings; kept while the slots stay the same."""
        if self._columns is None or self._columns[0] != slots:
            samplings = [self._states[slot].sampling for slot in slots]
            indices = torch.tensor(slots, device=self._device)
            columns = SamplingColumns.from_samplings(samplings, self._vocabulary, self._device)
            self._columns = slots, indices, columns
        return self._columns[1:]

    def _begin(self, slot: int, state: SamplerState, ids: Sequence[int]) -> None:
        """Record a prompt's ids as seen by a slot's new sequence."""
        if not state.penalised:
            return
        seen = state.seen_ids
        seen.update(state.counted(ids))
        self._widen(len(seen))
        if seen:
            self._seen_ids[slot] = next(iter(seen))
            self._seen_ids[slot, : len(seen)] = torch.tensor(list(seen), device=self._device)

    def _add_tokens(self, slots: Sequence[int], tokens: Sequence[int | None]) -> None:
        """Count the sampled tokens, and record those that were not seen before."""
        states = [self._states[slot] for slot in slots]
        new = [
            (slot, len(state.seen_ids), token)
            for slot, state, token in zip(slots, states, tokens, strict=True)
            if token is not None and state.penalised
            if token not in state.seen_ids and token not in state.spared_ids
        ]
        if new:
            self._widen(1 + max(column for _, column, _ in new))
            for slot, column, token in new:
                if column == 0:
                    self._seen_ids[slot] = token
            row, column, value = upload(new, self._device).T
            self._seen_ids[row, column] = value
        for slot, _, token in new:
            self._states[slot].seen_ids.add(token)
        for state in states:
            state.sampled += 1

    def _widen(self, width: int) -> None:
        """Make room for `width` seen ids of every slot."""
        if width > self._seen_ids.shape[1]:
            more = self._seen_ids[:, :1].expand(-1, width + _SPARE_IDS - self._seen_ids.shape[1])
            self._seen_ids = torch.cat([self._seen_ids, more], dim=1)


def _penalty(penalty: Tensor, states: Sequence[SamplerState]) -> Tensor:
    """Return the penalty [rows, 1], which is none where a sequence has seen nothing that it applies to."""
    unseen = [row for row, state in enumerate(states) if not state.seen_ids]
    if not unseen:
        return penalty
    penalty = penalty.clone()
    penalty[unseen] = 1
    return penalty


def _forbid_ids(scores: Tensor, states: Sequence[SamplerState]) -> None:
    """Set the scores of forbidden ids to -inf, in place."""
    forbidden = [
        (row, token) for row, state in enumerate(states) if state.forbids_end for token in state.end_ids
    ]
    if forbidden:
        rows, tokens = upload(forbidden, scores.device).T
        scores[rows, tokens] = NEG_INF
