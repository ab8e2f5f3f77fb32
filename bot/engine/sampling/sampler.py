"""The sampler of the running batch: every sequence has a state with its settings, rng and seen tokens."""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import torch
from torch import Tensor

from bot.engine.interface import Request
from bot.engine.runtime.transfer import upload
from bot.engine.sampling.ops import (
    NEG_INF,
    SamplingColumns,
    penalise_repetition,
    sample_tokens,
    scale_logits,
    score_buffer,
)
from bot.persona.persona import Sampling

_RNG_BLOCK = 64  # numbers that a sequence's rng makes at once
_SPARE_IDS = 512  # columns for seen ids that are added when there are too few


def request_seed(request: Request) -> int:
    """Return the request's own seed, or a random one."""
    return request.seed if request.seed is not None else secrets.randbits(62)


@dataclass(slots=True)
class SamplerState:
    """One sequence's settings, rng and seen ids. `seen_ids` stays empty without a repetition penalty."""

    sampling: Sampling
    rng: Iterator[float]
    end_ids: tuple[int, ...]
    seen_ids: set[int]
    sampled: int = 0  # tokens
    number: float | None = None  # of the next token; a step that fails leaves it to the next attempt

    @property
    def penalised(self) -> bool:
        return self.sampling.repetition_penalty != 1

    @property
    def forbidden_ids(self) -> tuple[int, ...]:
        """The end tokens, before `min_tokens` tokens."""
        return self.end_ids if self.sampled < self.sampling.min_tokens else ()

    def draw_number(self) -> float:
        """Return the uniform number of the next token: the same one until that token is sampled."""
        if self.number is None:
            self.number = next(self.rng)
        return self.number


class Sampler:
    """Samples for the sequences of a batch that changes at any step. Only the engine's thread calls it.

    A sequence has a sampler slot from `add_sequence` to `remove_sequence`.
    """

    def __init__(self, vocabulary: int, slots: int, device: torch.device | str) -> None:
        """`slots` is the most sequences at once."""
        self._vocabulary, self._device = vocabulary, device
        self._free = list(range(slots))
        self._states: dict[int, SamplerState] = {}  # by slot
        # The ids that each slot's sequence has seen, [slots, any]; columns behind them repeat one of them.
        self._seen_ids = torch.zeros((slots, 1), dtype=torch.int64, device=device)
        # of the slots of the latest step
        self._columns: tuple[tuple[int, ...], Tensor, SamplingColumns] | None = None
        self._buffer = score_buffer(0, vocabulary, device)

    @torch.inference_mode()
    def add_sequence(self, request: Request, candidate: int, end: Collection[int], seed: int) -> int:
        """Return a sampler slot for one candidate of a request; `seed` is the whole request's.

        Raises ValueError without a free slot or for an empty prompt.
        """
        if not self._free or not request.ids:
            raise ValueError("A sequence needs a free sampler slot and a prompt.")
        slot = heappop(self._free)
        end_ids = tuple(token for token in end if token < self._vocabulary)
        state = SamplerState(request.sampling, _uniform_numbers(seed, candidate), end_ids, set())
        self._states[slot] = state
        try:
            if state.penalised:
                self._add_prompt(slot, request.ids)
        except (RuntimeError, MemoryError):
            self.remove_sequence(slot)
            raise
        return slot

    def remove_sequence(self, slot: int) -> None:
        """Free a sampler slot; raises KeyError for a free one."""
        del self._states[slot]
        heappush(self._free, slot)
        self._columns = None  # the slot's next sequence has other settings

    @torch.inference_mode()
    def sample(self, logits: Tensor, slots: Sequence[int]) -> list[int | None]:
        """Sample a token for each slot from logits [slots, vocabulary]; None where no number is usable.

        After an error no token counts as sampled, and the call may be repeated.
        """
        indices, columns = self._settings(tuple(slots))
        states = [self._states[slot] for slot in slots]
        if len(self._buffer) < len(slots):
            self._buffer = score_buffer(len(slots), self._vocabulary, self._device)
        scores = scale_logits(logits, columns.temperature, self._buffer)
        if longest := max(len(state.seen_ids) for state in states):
            seen_ids = self._seen_ids[:, :longest].index_select(0, indices)
            penalise_repetition(scores, seen_ids, columns.penalty)
        _forbid_ids(scores, states)
        numbers = upload([state.draw_number() for state in states], logits.device, torch.float64)
        tokens = sample_tokens(scores, columns, numbers[:, None])
        self._add_tokens(slots, tokens)
        return tokens

    def _settings(self, slots: tuple[int, ...]) -> tuple[Tensor, SamplingColumns]:
        """The slots as a tensor [slots], and their settings; kept while the slots stay the same."""
        if self._columns is None or self._columns[0] != slots:
            samplings = [self._states[slot].sampling for slot in slots]
            indices = torch.tensor(slots, device=self._device)
            columns = SamplingColumns.from_samplings(samplings, self._vocabulary, self._device)
            self._columns = slots, indices, columns
        return self._columns[1:]

    def _add_prompt(self, slot: int, ids: Sequence[int]) -> None:
        """Record a prompt's ids as seen by a slot's new sequence."""
        seen = self._states[slot].seen_ids
        seen.update(ids)
        self._widen(len(seen))
        self._seen_ids[slot] = ids[0]
        self._seen_ids[slot, : len(seen)] = torch.tensor(list(seen), device=self._device)

    def _add_tokens(self, slots: Sequence[int], tokens: Sequence[int | None]) -> None:
        """Count the sampled tokens, and record those that were not seen before."""
        states = [self._states[slot] for slot in slots]
        new = [
            (slot, len(state.seen_ids), token)
            for slot, state, token in zip(slots, states, tokens, strict=True)
            if token is not None and state.penalised and token not in state.seen_ids
        ]
        if new:
            self._widen(1 + max(column for _, column, _ in new))
            row, column, value = upload(new, self._device).T
            self._seen_ids[row, column] = value
        for slot, _, token in new:
            self._states[slot].seen_ids.add(token)
        for state in states:
            state.sampled, state.number = state.sampled + 1, None

    def _widen(self, width: int) -> None:
        """Make room for `width` seen ids of every slot."""
        if width > self._seen_ids.shape[1]:
            more = self._seen_ids[:, :1].expand(-1, width + _SPARE_IDS - self._seen_ids.shape[1])
            self._seen_ids = torch.cat([self._seen_ids, more], dim=1)


def _uniform_numbers(seed: int, candidate: int) -> Iterator[float]:
    """Yield uniform numbers in [0, 1), one for each token of a request's candidate."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + candidate) % (1 << 63))
    while True:
        yield from torch.rand(_RNG_BLOCK, generator=generator).tolist()


def _forbid_ids(scores: Tensor, states: Sequence[SamplerState]) -> None:
    """Set the scores of forbidden ids to -inf, in place."""
    forbidden = [(row, token) for row, state in enumerate(states) for token in state.forbidden_ids]
    if forbidden:
        rows, tokens = upload(forbidden, scores.device).T
        scores[rows, tokens] = NEG_INF
