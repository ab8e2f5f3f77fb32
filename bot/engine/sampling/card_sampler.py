"""The sampler on graphics cards: all that a step reads is on the card before the step begins."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.runtime.transfer import PackedNumbers, upload
from bot.engine.sampling.card_adjustments import CardAdjustments
from bot.engine.sampling.ops import (
    INVALID,
    NEG_INF,
    SECOND_COUNT,
    SamplingColumns,
    column_values,
    draw_tokens,
    padded_size,
    sample_tokens,
    scale_logits,
)
from bot.engine.sampling.sampler_slots import SamplerSlots, SamplerState


@dataclass(frozen=True, slots=True)
class DrawRow:
    """A row's sampler slots, its uniform number and whether it may end: all that a draw needs of the host.

    `source` holds the settings and the latest token. The new token goes to `target`, which is the padding
    slot for a row that only fills up a batch.
    """

    source: int
    target: int
    number: float
    forbids_end: bool
    is_wide: bool = False  # its choice is often wider than the tokens that are sorted at first
    is_adjusted: bool = False  # it has biases, or penalties of its answer


@dataclass(frozen=True, slots=True)
class DrawTensors:
    """`DrawRow`s on a card: source, target and forbids_end int64 [rows], number float64 [rows, 1]."""

    source: Tensor
    target: Tensor
    forbids_end: Tensor
    number: Tensor


@dataclass(frozen=True, slots=True)
class DrawSlices:
    """The places of `DrawRow`s among packed numbers."""

    source: slice
    target: slice
    forbids_end: slice
    number: slice

    @classmethod
    def pack(cls, rows: Sequence[DrawRow], packed: PackedNumbers) -> "DrawSlices":
        """Append the rows to numbers that will cross to a card."""
        return cls(
            source=packed.add([row.source for row in rows]),
            target=packed.add([row.target for row in rows]),
            forbids_end=packed.add([int(row.forbids_end) for row in rows]),
            number=packed.add_floats([row.number for row in rows]),
        )

    def on(self, numbers: Tensor) -> DrawTensors:
        """Return the rows from the packed numbers on a card."""
        number = numbers[self.number].view(torch.float64)[:, None]
        return DrawTensors(numbers[self.source], numbers[self.target], numbers[self.forbids_end], number)


class CardSampler(SamplerSlots):
    """As `SamplerSlots`; every slot's settings, seen ids and latest token are in tables on the card.

    So a step can be launched before the host knows the tokens of the step before it. The tables have one row
    more, `padding_slot`. `version` grows whenever a table is replaced by a larger one.
    """

    def __init__(self, vocabulary: int, slots: int, device: torch.device | str) -> None:
        """`slots` is the most sequences at once."""
        super().__init__(vocabulary, slots)
        self.padding_slot, self.version = slots, 0
        self._device, self._size = device, padded_size(vocabulary)
        # The column behind the vocabulary takes what is no token.
        self._seen = torch.zeros((slots + 1, self._size + 1), dtype=torch.bool, device=device)
        self._counted = torch.ones_like(self._seen)  # all but what the penalty spares
        self._latest = torch.zeros(slots + 1, dtype=torch.int64, device=device)
        self._settings = torch.ones((slots + 1, 5), dtype=torch.float64, device=device)
        self._end_ids = torch.zeros((slots + 1, 1), dtype=torch.int64, device=device)
        self._adjustments = CardAdjustments(vocabulary, slots + 1, device)

    @torch.inference_mode()
    def sample(self, logits: Tensor, slots: Sequence[int]) -> list[int | None]:
        """As in `SamplerSlots`."""
        packed = PackedNumbers()
        draws = self.draw_rows(slots)
        rows = DrawSlices.pack(draws, packed).on(upload(packed.values, self._device))
        adjusts = any(row.is_adjusted for row in draws)
        scores, columns = self._scores(logits, rows, adjusts)
        tokens = self._with_forced(slots, sample_tokens(scores, columns, rows.number))
        drawn = upload([INVALID if token is None else token for token in tokens], self._device)
        self._record(rows, drawn, adjusts)
        self.note_sampled(slots)
        self._note_forced(slots)
        return tokens

    def draw_rows(self, slots: Sequence[int]) -> list[DrawRow]:
        """Return what the next token of each slot needs of the host."""
        states = [(slot, self._states[slot]) for slot in slots]
        return [
            DrawRow(
                source=slot,
                target=slot,
                number=state.number,
                forbids_end=state.forbids_end and bool(state.end_ids),
                is_wide=state.is_wide,
                is_adjusted=state.is_adjusted,
            )
            for slot, state in states
        ]

    def note_sampled(self, slots: Sequence[int], count: int = 1) -> None:
        """Count `count` more tokens of each slot; negative after tokens that were of no use."""
        for slot in slots:
            self._states[slot].sampled += count

    @torch.inference_mode()
    def uncount(self, slot: int, token: int) -> None:
        """Take a drawn token that was of no use out of the counts of its answer."""
        if self._states[slot].penalises_answer and token >= 0:
            self._adjustments.uncount(slot, token, self._counted[slot, token])

    def latest(self, source: Tensor) -> Tensor:
        """Return the latest token of slots [rows]; of those without a token, any id."""
        return self._latest.index_select(0, source).clamp_(min=0)

    @torch.inference_mode()
    def draw(
        self, logits: Tensor, rows: DrawTensors, sorts_all: bool = False, adjusts: bool = False
    ) -> Tensor:
        """Return tokens [rows] from logits [rows, vocabulary], without a wait of the host.

        `sorts_all`: sort the whole vocabulary, which settles every choice and takes longer. `adjusts`: a row
        has biases, or penalties of its answer.

        `INVALID` stands for logits without a usable number, `UNSETTLED` for a choice so wide that `sample`
        must make it. A row whose latest token is one of these gives the same one again.
        """
        scores, columns = self._scores(logits, rows, adjusts)
        count = scores.shape[-1] if sorts_all else SECOND_COUNT
        tokens = draw_tokens(scores, columns, rows.number, count)
        latest = self._latest.index_select(0, rows.source)
        tokens = torch.where(latest < 0, latest, tokens)
        self._record(rows, tokens, adjusts)
        return tokens

    def _scores(self, logits: Tensor, rows: DrawTensors, adjusts: bool) -> tuple[Tensor, SamplingColumns]:
        """Return scores [rows, padded vocabulary] after penalties, and the settings of the rows."""
        columns = _columns_of(self._settings.index_select(0, rows.source))
        scores = scale_logits(logits, columns.temperature)
        if adjusts:
            self._adjustments.add_biases(scores, rows.source, columns.temperature)
        penalised = torch.where(scores < 0, scores * columns.penalty, scores / columns.penalty)
        seen = self._seen.index_select(0, rows.source)[:, : self._size]
        scores = torch.where(seen, penalised, scores)
        if adjusts:
            self._adjustments.penalise(scores, rows.source, columns.temperature)
        end_ids = self._end_ids.index_select(0, rows.source)
        ends = scores.gather(1, end_ids).masked_fill_(rows.forbids_end[:, None] != 0, NEG_INF)
        return scores.scatter_(1, end_ids, ends), columns

    def _record(self, rows: DrawTensors, tokens: Tensor, adjusts: bool) -> None:
        """Write tokens [rows] as the latest ones, and as seen and counted.

        Last comes what cannot be written again: after an error, the tokens are drawn anew, and nothing of
        them is seen or counted.
        """
        places = rows.target, torch.where(tokens < 0, self._size, tokens)
        counted = self._counted[places]
        if not adjusts:
            self._latest.index_copy_(0, rows.target, tokens)
            self._seen.index_put_(places, counted)
            return
        before = self._adjustments.counts(places)
        counts = before + counted
        self._latest.index_copy_(0, rows.target, tokens)
        self._adjustments.write_counts(places, counts)
        try:
            self._seen.index_put_(places, counted)
        except (RuntimeError, MemoryError):
            self._adjustments.write_counts(places, before)
            raise

    def _begin(self, slot: int, state: SamplerState, ids: Sequence[int]) -> None:
        """Write a new sequence's settings, end ids and prompt into the tables."""
        end_ids = state.end_ids or (0,)
        self._widen(len(end_ids))
        width = self._end_ids.shape[1]
        packed = PackedNumbers()
        settings = packed.add_floats(column_values(state.sampling, self._vocabulary))
        ends = packed.add((end_ids * width)[:width])
        spared_ids = sorted(token for token in state.spared_ids if 0 <= token < self._vocabulary)
        spared = packed.add(spared_ids if state.penalised or state.penalises_answer else ())
        prompt = packed.add(sorted(state.counted(ids)) if state.penalised else ())
        numbers = upload(packed.values, self._device)
        self._settings[slot] = numbers[settings].view(torch.float64)
        self._end_ids[slot] = numbers[ends]
        self._latest[slot] = 0
        self._counted[slot] = True
        self._counted[slot, numbers[spared]] = False
        self._seen[slot] = False
        self._seen[slot, numbers[prompt]] = True
        self._adjustments.begin(slot, state)

    def _widen(self, width: int) -> None:
        """Make room for `width` end ids of every slot."""
        if width > self._end_ids.shape[1]:
            more = self._end_ids[:, :1].expand(-1, width - self._end_ids.shape[1])
            self._end_ids = torch.cat([self._end_ids, more], dim=1)
            self.version += 1


def _columns_of(settings: Tensor) -> SamplingColumns:
    """Return settings [rows, 5] of `column_values` as columns, for all that a row may need."""
    temperature, top_p, top_k, min_p, penalty = torch.split(settings, 1, dim=1)
    return SamplingColumns(
        temperature=temperature.float(),
        top_p=top_p,
        top_k=top_k.long(),
        min_p=min_p,
        penalty=penalty.float(),
        greedy=False,
        needs_full_mass=True,
        first_count=SECOND_COUNT,
    )
