"""Biases of logits, and penalties of presence and frequency, for the sampler on graphics cards."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.interface import MAX_BIASES
from bot.engine.runtime.transfer import PackedNumbers, upload
from bot.engine.sampling.ops import add_bias, answer_penalty, padded_size
from bot.engine.sampling.sampler_slots import SamplerState


@dataclass(frozen=True, slots=True)
class _Tables:
    """Of each sampler slot: bias_ids and biases [slots, biases], penalties [slots, 2], counts [slots, ids].

    The penalties are those of presence and frequency. Counts have a column behind the padded vocabulary for
    what is no token. bias_ids are int64, the others float32; a bias of 0 stands for none.
    """

    bias_ids: Tensor
    biases: Tensor
    penalties: Tensor
    counts: Tensor

    @classmethod
    def empty(cls, vocabulary: int, slots: int, device: torch.device | str) -> "_Tables":
        """Return the tables of slots without a sequence."""
        places = torch.arange(MAX_BIASES, device=device) % vocabulary
        return cls(
            bias_ids=places.repeat(slots, 1),  # different ones, so that no two are added to one number
            biases=torch.zeros((slots, MAX_BIASES), device=device),
            penalties=torch.zeros((slots, 2), device=device),
            counts=torch.zeros((slots, padded_size(vocabulary) + 1), device=device),
        )


class CardAdjustments:
    """Tables on a card, made for the first sequence that needs them; no step before that costs more."""

    def __init__(self, vocabulary: int, slots: int, device: torch.device | str) -> None:
        """`slots` counts the padding slot too."""
        self._vocabulary, self._slots, self._device = vocabulary, slots, device
        self._made: _Tables | None = None

    def begin(self, slot: int, state: SamplerState) -> None:
        """Write a new sequence's biases and penalties into the tables, and no counts."""
        if self._made is None and not state.is_adjusted:
            return
        tables, packed, sampling = self._tables(), PackedNumbers(), state.sampling
        ids = packed.add(list(state.logit_bias))
        biases = packed.add_floats(list(state.logit_bias.values()))
        penalties = packed.add_floats((sampling.presence_penalty, sampling.frequency_penalty))
        numbers = upload(packed.values, self._device)
        tables.bias_ids[slot, : len(state.logit_bias)] = numbers[ids]
        tables.biases[slot] = 0
        tables.biases[slot, : len(state.logit_bias)] = numbers[biases].view(torch.float64).float()
        tables.penalties[slot] = numbers[penalties].view(torch.float64).float()
        tables.counts[slot] = 0

    def add_biases(self, scores: Tensor, source: Tensor, temperature: Tensor) -> None:
        """Add the biases of slots [rows] to scores [rows, padded vocabulary], in place."""
        tables = self._tables()
        ids, biases = tables.bias_ids.index_select(0, source), tables.biases.index_select(0, source)
        add_bias(scores, ids, biases, temperature)

    def penalise(self, scores: Tensor, source: Tensor, temperature: Tensor) -> None:
        """Make tokens that answers of slots [rows] hold less likely, in place."""
        tables = self._tables()
        counts = tables.counts.index_select(0, source)[:, : scores.shape[-1]]
        presence, frequency = torch.split(tables.penalties.index_select(0, source), 1, dim=1)
        scores.sub_(answer_penalty(counts, presence, frequency, temperature))

    def counts(self, places: tuple[Tensor, Tensor]) -> Tensor:
        """Return the counts [rows] of slots and ids."""
        return self._tables().counts[places]

    def write_counts(self, places: tuple[Tensor, Tensor], counts: Tensor) -> None:
        """Write counts [rows] of slots and ids."""
        self._tables().counts.index_put_(places, counts)

    def uncount(self, slot: int, token: int, counted: Tensor) -> None:
        """Take a token back if it was `counted` [], bool."""
        self._tables().counts[slot, token].sub_(counted.float())

    def _tables(self) -> _Tables:
        if self._made is None:
            self._made = _Tables.empty(self._vocabulary, self._slots, self._device)
        return self._made
