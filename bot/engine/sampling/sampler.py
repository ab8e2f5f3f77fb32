"""The sampler on the CPU: it computes only what the settings of a batch's sequences need."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.runtime.transfer import upload
from bot.engine.sampling.answer_counts import AnswerCounts
from bot.engine.sampling.ops import (
    NEG_INF,
    SamplingColumns,
    add_bias,
    answer_penalty,
    penalise_repetition,
    sample_tokens,
    scale_logits,
    score_buffer,
)
from bot.engine.sampling.sampler_slots import SamplerSlots, SamplerState

_SPARE_IDS = 512  # columns for seen ids that are added when there are too few


@dataclass(frozen=True, slots=True)
class _BatchSettings:
    """The sampler slots of a step and what holds for them while they stay the same.

    indices [rows] are the slots. bias are ids and biases [rows, any]; penalties are those of presence and
    frequency [rows, 1]; None where no row has any.
    """

    slots: tuple[int, ...]
    indices: Tensor
    columns: SamplingColumns
    bias: tuple[Tensor, Tensor] | None
    penalties: tuple[Tensor, Tensor] | None


class Sampler(SamplerSlots):
    """As `SamplerSlots`."""

    def __init__(self, vocabulary: int, slots: int, device: torch.device | str = "cpu") -> None:
        """`slots` is the most sequences at once."""
        super().__init__(vocabulary, slots)
        self._device = device
        # The ids that each slot's sequence has seen, [slots, any]; columns behind them repeat one of them.
        self._seen_ids = torch.zeros((slots, 1), dtype=torch.int64, device=device)
        self._answers = AnswerCounts(slots, device)
        self._latest: _BatchSettings | None = None  # of the latest step
        self._buffer = score_buffer(0, vocabulary, device)

    def remove_sequence(self, slot: int) -> None:
        """As in `SamplerSlots`."""
        super().remove_sequence(slot)
        self._latest = None  # the slot's next sequence has other settings

    @torch.inference_mode()
    def sample(self, logits: Tensor, slots: Sequence[int]) -> list[int | None]:
        """As in `SamplerSlots`."""
        batch = self._settings(tuple(slots))
        states = [self._states[slot] for slot in slots]
        scores = self._scores(logits, batch, states)
        numbers = upload([state.number for state in states], logits.device, torch.float64)
        tokens = self._with_forced(slots, sample_tokens(scores, batch.columns, numbers[:, None]))
        self._add_tokens(slots, tokens)
        self._note_forced(slots)
        return tokens

    def _scores(self, logits: Tensor, batch: _BatchSettings, states: Sequence[SamplerState]) -> Tensor:
        """Return scores [rows, padded vocabulary] after biases, penalties and forbidden ids."""
        if len(self._buffer) < len(states):
            self._buffer = score_buffer(len(states), self._vocabulary, self._device)
        temperature = batch.columns.temperature
        scores = scale_logits(logits, temperature, self._buffer)
        if batch.bias is not None:
            add_bias(scores, *batch.bias, temperature)
        if longest := max(len(state.seen_ids) for state in states):
            seen_ids = self._seen_ids[:, :longest].index_select(0, batch.indices)
            penalise_repetition(scores, seen_ids, _penalty(batch.columns.penalty, states))
        if batch.penalties is not None:
            ids, counts = self._answers.select(batch.slots, batch.indices)
            scores.scatter_add_(1, ids, -answer_penalty(counts, *batch.penalties, temperature))
        _forbid_ids(scores, states)
        return scores

    def _settings(self, slots: tuple[int, ...]) -> _BatchSettings:
        """Return the settings of slots; kept while the slots stay the same."""
        if self._latest is None or self._latest.slots != slots:
            states, device = [self._states[slot] for slot in slots], self._device
            samplings = [state.sampling for state in states]
            self._latest = _BatchSettings(
                slots=slots,
                indices=torch.tensor(slots, device=device),
                columns=SamplingColumns.from_samplings(samplings, self._vocabulary, device),
                bias=_bias(states, device),
                penalties=_answer_penalties(states, device),
            )
        return self._latest

    def _begin(self, slot: int, state: SamplerState, ids: Sequence[int]) -> None:
        """Record a prompt's ids as seen by a slot's new sequence."""
        self._answers.clear(slot)
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
        self._answers.add(
            [
                (slot, token)
                for slot, state, token in zip(slots, states, tokens, strict=True)
                if token is not None and state.penalises_answer and token not in state.spared_ids
            ]
        )
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


def _bias(states: Sequence[SamplerState], device: torch.device | str) -> tuple[Tensor, Tensor] | None:
    """Return ids and biases [rows, any], or None without any; a row is filled up with biases of 0."""
    width = max(len(state.logit_bias) for state in states)
    if not width:
        return None
    missing = [(0,) * (width - len(state.logit_bias)) for state in states]
    ids = [(*state.logit_bias, *none) for state, none in zip(states, missing, strict=True)]
    biases = [(*state.logit_bias.values(), *none) for state, none in zip(states, missing, strict=True)]
    return upload(ids, device), upload(biases, device, torch.float32)


def _answer_penalties(
    states: Sequence[SamplerState], device: torch.device | str
) -> tuple[Tensor, Tensor] | None:
    """Return the penalties of presence and frequency [rows, 1], or None without any."""
    if not any(state.penalises_answer for state in states):
        return None
    pairs = [(state.sampling.presence_penalty, state.sampling.frequency_penalty) for state in states]
    presence, frequency = torch.split(upload(pairs, device, torch.float32), 1, dim=1)
    return presence, frequency


def _forbid_ids(scores: Tensor, states: Sequence[SamplerState]) -> None:
    """Set the scores of forbidden ids to -inf, in place."""
    forbidden = [
        (row, token) for row, state in enumerate(states) if state.forbids_end for token in state.end_ids
    ]
    if forbidden:
        rows, tokens = upload(forbidden, scores.device).T
        scores[rows, tokens] = NEG_INF
