"""Sampler slots: the settings, random numbers and seen ids of each sequence of the running batch."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import torch
from torch import Tensor

from bot.engine.interface import Request
from bot.engine.sampling.ops import GREEDY, SECOND_COUNT
from bot.engine.sampling.uniform_numbers import UniformNumbers
from bot.persona.persona import Sampling

_NARROW_MIN_P, _NARROW_TOP_P = 1e-3, 0.95  # settings that mostly keep fewer tokens than are sorted at first


def request_seed(request: Request) -> int:
    """Return the request's own seed, or a random one."""
    return request.seed if request.seed is not None else secrets.randbits(62)


@dataclass(slots=True)
class SamplerState:
    """One sequence's settings and random numbers, and what it has sampled.

    `seen_ids` may stay empty without a repetition penalty.
    """

    sampling: Sampling
    numbers: UniformNumbers
    end_ids: tuple[int, ...]
    spared_ids: frozenset[int] = frozenset()  # that no repetition makes less likely
    forced: tuple[int, ...] = ()  # the next tokens, whatever the logits are
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seen_ids: set[int] = field(default_factory=set)
    sampled: int = 0  # tokens

    @property
    def penalised(self) -> bool:
        """True where seen ids become less likely."""
        return self.sampling.repetition_penalty != 1

    @property
    def penalises_answer(self) -> bool:
        """True where ids of the answer become less likely, or more, beside the repetition penalty."""
        return self.sampling.presence_penalty != 0 or self.sampling.frequency_penalty != 0

    @property
    def is_adjusted(self) -> bool:
        """True where a bias or a penalty of the answer changes logits."""
        return bool(self.logit_bias) or self.penalises_answer

    def counted(self, ids: Sequence[int]) -> set[int]:
        """Return a prompt's ids that the penalty applies to: not those that are spared or end a turn."""
        return set(ids).difference(self.spared_ids, self.end_ids)

    @property
    def forbids_end(self) -> bool:
        """True before `min_tokens` tokens."""
        return self.sampled < self.sampling.min_tokens

    @property
    def is_wide(self) -> bool:
        """True where nothing keeps the choice among the likelier tokens."""
        sampling = self.sampling
        limited = 0 < sampling.top_k < SECOND_COUNT or sampling.min_p >= _NARROW_MIN_P
        return not limited and sampling.top_p > _NARROW_TOP_P and sampling.temperature >= GREEDY

    @property
    def number(self) -> float:
        """The uniform number of the next token: the same one until that token is sampled."""
        return self.numbers[self.sampled]


class SamplerSlots(ABC):
    """Samples for the sequences of a batch that changes at any step. Only the engine's thread calls it.

    A sequence has a sampler slot from `add_sequence` to `remove_sequence`.
    """

    def __init__(self, vocabulary: int, slots: int) -> None:
        """`slots` is the most sequences at once."""
        self._vocabulary = vocabulary
        self._free = list(range(slots))
        self._states: dict[int, SamplerState] = {}  # by slot
        self.forced_slots: set[int] = set()  # those whose next token is given

    @torch.inference_mode()
    def add_sequence(self, request: Request, candidate: int, end: Collection[int], seed: int) -> int:
        """Return a sampler slot for one candidate of a request; `seed` is the whole request's.

        Raises ValueError without a free slot or for an empty prompt.
        """
        if not self._free or not request.ids:
            raise ValueError("A sequence needs a free sampler slot and a prompt.")
        slot = heappop(self._free)
        end_ids = tuple(token for token in end if token < self._vocabulary)
        state = SamplerState(
            request.sampling,
            UniformNumbers(seed, candidate),
            end_ids,
            request.spared,
            logit_bias=request.logit_bias,
        )
        self._states[slot] = state
        try:
            self._begin(slot, state, request.ids)
        except (RuntimeError, MemoryError):
            self.remove_sequence(slot)
            raise
        return slot

    def remove_sequence(self, slot: int) -> None:
        """Free a sampler slot; raises KeyError for a free one."""
        del self._states[slot]
        self.forced_slots.discard(slot)
        heappush(self._free, slot)

    def force(self, slot: int, ids: Sequence[int]) -> None:
        """Let `sample` give these tokens next for a slot."""
        self._states[slot].forced = tuple(ids)
        self.forced_slots.add(slot)

    def _with_forced(self, slots: Sequence[int], tokens: list[int | None]) -> list[int | None]:
        """Return sampled tokens with the forced ones in their place; None stays."""
        if self.forced_slots.isdisjoint(slots):
            return tokens
        states = [self._states[slot] for slot in slots]
        return [
            state.forced[0] if state.forced and token is not None else token
            for state, token in zip(states, tokens, strict=True)
        ]

    def _note_forced(self, slots: Sequence[int]) -> None:
        """Count the forced tokens of a step as given."""
        for slot in self.forced_slots.intersection(slots):
            state = self._states[slot]
            state.forced = state.forced[1:]
            if not state.forced:
                self.forced_slots.discard(slot)

    @abstractmethod
    def sample(self, logits: Tensor, slots: Sequence[int]) -> list[int | None]:
        """Sample a token for each slot from logits [slots, vocabulary]; None where no number is usable.

        After an error no token counts as sampled, and the call may be repeated.
        """

    @abstractmethod
    def _begin(self, slot: int, state: SamplerState, ids: Sequence[int]) -> None:
        """Prepare a slot for a new sequence with a prompt of these ids."""
