"""Who draws in the running batch: every row has a seat, with settings, dice and seen tokens of its own."""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import torch
from torch import Tensor

from bot.engine.interface import Request
from bot.engine.sampling.ops import (
    NEG_INF,
    SamplingColumns,
    penalise_repetition,
    sample_tokens,
    scale_logits,
    score_buffer,
)
from bot.persona.persona import Sampling

_THROWN = 64  # numbers that a row's dice throw at once
_SPARE = 512  # places for seen tokens that are added when there are too few


def request_seed(request: Request) -> int:
    """The request's own seed, or one that nobody can foresee."""
    return request.seed if request.seed is not None else secrets.randbits(62)


@dataclass(slots=True)
class SamplerState:
    """What one row brings along and has drawn. `seen` stays empty where repetition is not penalised."""

    sampling: Sampling
    rng: Iterator[float]
    end_ids: tuple[int, ...]
    seen_ids: set[int]
    sampled: int = 0
    number: float | None = None  # for the next token, which a step that fails does not draw

    @property
    def penalised(self) -> bool:
        return self.sampling.repetition_penalty != 1

    @property
    def forbidden_ids(self) -> tuple[int, ...]:
        """The tokens that must not come yet."""
        return self.end_ids if self.sampled < self.sampling.min_tokens else ()

    def draw_number(self) -> float:
        """The number for the next token, the same one until that is drawn."""
        if self.number is None:
            self.number = next(self.rng)
        return self.number


class Sampler:
    """Draws for the rows of a batch that changes at any step. All methods belong to the engine's thread."""

    def __init__(self, vocabulary: int, rows: int, device: torch.device | str) -> None:
        """`rows` is the most that are seated at once."""
        self._vocabulary, self._device = vocabulary, device
        self._free = list(range(rows))
        self._seats: dict[int, SamplerState] = {}
        # The ids that each seat has seen; the places behind them repeat one of them.
        self._seen = torch.zeros((rows, 1), dtype=torch.int64, device=device)
        self._columns: tuple[tuple[int, ...], Tensor, SamplingColumns] | None = (
            None  # of the latest step's seats
        )
        self._room = score_buffer(0, vocabulary, device)

    @torch.inference_mode()
    def add_sequence(self, request: Request, candidate: int, end: Collection[int], seed: int) -> int:
        """Seat one candidate of a request whose prompt has been read; `seed` is the whole request's.

        Raises ValueError when no seat is free or the prompt is empty.
        """
        if not self._free or not request.ids:
            raise ValueError("A row needs a free seat and a prompt.")
        seat = heappop(self._free)
        ends = tuple(token for token in end if token < self._vocabulary)
        self._seats[seat] = SamplerState(request.sampling, _dice(seed, candidate), ends, set())
        try:
            if self._seats[seat].penalised:
                self._mark(seat, request.ids)
        except (RuntimeError, MemoryError):
            self.remove_sequence(seat)
            raise
        return seat

    def remove_sequence(self, seat: int) -> None:
        """Free a seat; KeyError when nobody has it."""
        del self._seats[seat]
        heappush(self._free, seat)
        self._columns = None  # the next row on this seat has other settings

    @torch.inference_mode()
    def sample(self, logits: Tensor, seats: Sequence[int]) -> list[int | None]:
        """The next token of each seat, from logits [seats, vocabulary]; None where no number is usable.

        After an error nothing has been drawn, and the same may be tried again.
        """
        places, columns = self._settings(tuple(seats))
        seated = [self._seats[seat] for seat in seats]
        if len(self._room) < len(seats):
            self._room = score_buffer(len(seats), self._vocabulary, self._device)
        scores = scale_logits(logits, columns.temperature, self._room)
        if longest := max(len(seat.seen_ids) for seat in seated):
            penalise_repetition(scores, self._seen[:, :longest].index_select(0, places), columns.penalty)
        _forbid(scores, seated)
        dice = torch.tensor([seat.draw_number() for seat in seated], dtype=torch.float64)
        tokens = sample_tokens(scores, columns, dice[:, None].to(logits.device))
        self._remember(seats, tokens)
        return tokens

    def _settings(self, seats: tuple[int, ...]) -> tuple[Tensor, SamplingColumns]:
        if self._columns is None or self._columns[0] != seats:
            samplings = [self._seats[seat].sampling for seat in seats]
            places = torch.tensor(seats, device=self._device)
            self._columns = (
                seats,
                places,
                SamplingColumns.from_samplings(samplings, self._vocabulary, self._device),
            )
        return self._columns[1:]

    def _mark(self, seat: int, ids: Sequence[int]) -> None:
        """Note a prompt as seen by a seat's new row."""
        seen = self._seats[seat].seen_ids
        seen.update(ids)
        self._widen(len(seen))
        self._seen[seat] = ids[0]
        self._seen[seat, : len(seen)] = torch.tensor(list(seen), device=self._device)

    def _remember(self, seats: Sequence[int], tokens: Sequence[int | None]) -> None:
        """Count what was drawn, and note what had not been seen."""
        seated = [self._seats[place] for place in seats]
        new = [
            (place, len(seat.seen_ids), token)
            for place, seat, token in zip(seats, seated, tokens, strict=True)
            if token is not None and seat.penalised and token not in seat.seen_ids
        ]
        if new:
            self._widen(1 + max(column for _, column, _ in new))
            row, column, value = torch.tensor(new, device=self._device).T
            self._seen[row, column] = value
        for place, _, token in new:
            self._seats[place].seen_ids.add(token)
        for seat in seated:
            seat.sampled, seat.number = seat.sampled + 1, None

    def _widen(self, width: int) -> None:
        """Have room for so many seen ids at every seat."""
        if width > self._seen.shape[1]:
            more = self._seen[:, :1].expand(-1, width + _SPARE - self._seen.shape[1])
            self._seen = torch.cat([self._seen, more], dim=1)


def _dice(seed: int, candidate: int) -> Iterator[float]:
    """Uniform numbers in [0, 1), one for each token of a request's candidate."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + candidate) % (1 << 63))
    while True:
        yield from torch.rand(_THROWN, generator=generator).tolist()


def _forbid(scores: Tensor, seated: Sequence[SamplerState]) -> None:
    """Rule out, in place, what must not come yet."""
    places = [(row, token) for row, seat in enumerate(seated) for token in seat.forbidden_ids]
    if places:
        rows, tokens = torch.tensor(places, device=scores.device).T
        scores[rows, tokens] = NEG_INF
