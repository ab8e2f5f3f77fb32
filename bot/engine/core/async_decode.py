"""Decoding on graphics cards one step ahead: the host reads a step's tokens while the next one computes."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.core.request_state import RunningRequest, TokenSequence
from bot.engine.core.step_executor import SampledToken
from bot.engine.model_executor.decode_batch import DecodeBatch
from bot.engine.model_executor.decode_graph import DecodeGraphs, StepOutput
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.runtime.errors import DeviceLost, raise_if_lost
from bot.engine.runtime.log_fields import error_fields
from bot.engine.runtime.transfer import Download
from bot.engine.sampling.card_sampler import CardSampler
from bot.engine.sampling.ops import INVALID, UNSETTLED

logger = logging.getLogger(__name__)

_WAITS_AFTER_ERROR = 64  # steps

DecodeRow = tuple[RunningRequest, TokenSequence]


@dataclass(frozen=True, slots=True)
class LaunchedStep:
    """A step whose tokens the host has not read. `lengths` [rows] of the KV slots when it was launched."""

    rows: Sequence[DecodeRow]
    lengths: Sequence[int]
    tokens: Download


class AsyncDecoder:
    """Launches decoding steps whose ids are on the card already. Belongs to the engine's thread.

    A row that turns out to have ended in the step before is dropped when its token is read. `graphs` may be
    captured. Log probabilities and beams are of steps that the host waits for: while a request wants them,
    none is launched ahead.
    """

    def __init__(self, runner: ModelRunner, sampler: CardSampler) -> None:
        self._runner, self._sampler = runner, sampler
        self.graphs = DecodeGraphs(runner.device)
        self._in_flight: LaunchedStep | None = None
        self._waits = 0  # steps whose tokens the host must wait for before one is launched ahead again

    def serves(self, running: Sequence[RunningRequest]) -> bool:
        """Return whether `advance` is next: requests decode, or tokens of a launched step are to be read."""
        return self._in_flight is not None or self._can_launch(running)

    def note_waited(self) -> None:
        """Note a step whose tokens the host waited for."""
        self._waits = max(0, self._waits - 1)

    def discard(self) -> None:
        """Forget the step in flight, as after its requests have gone."""
        self._in_flight = None

    def advance(self, running: Sequence[RunningRequest]) -> list[SampledToken]:
        """Launch a step where one can be, and return the tokens of the step before it.

        After an error of a launch, another kind of step finds out whose it is. Raises `DeviceLost`.
        """
        previous, self._in_flight = self._in_flight, None
        rows = [row for row in _unfinished(running) if _goes_on(*row)]
        if rows and self._can_launch(running):
            try:
                self._in_flight = self._launch(rows)
            except (Exception, MemoryError) as error:
                raise_if_lost(error, self._runner.device)
                logger.warning("step_ahead_failed", extra=error_fields(error))
                self._waits = _WAITS_AFTER_ERROR
        return list(self._read(previous)) if previous else []

    def _can_launch(self, running: Sequence[RunningRequest]) -> bool:
        if self._waits or self._sampler.forced_slots:
            return False
        return not any(
            request.prefill_remaining or request.request.logprobs is not None or request.request.beams > 1
            for request in running
        )

    def _read(self, step: LaunchedStep) -> Iterator[SampledToken]:
        """Wait for a step and yield the tokens of rows that have not ended."""
        try:
            tokens = step.tokens.read()
        except RuntimeError as error:
            raise DeviceLost from error  # what was launched is lost, and every request with it
        for (request, sequence), length, token in zip(step.rows, step.lengths, tokens, strict=True):
            if request.failed or sequence.finish is not None or length != _known_length(request, sequence):
                continue
            if token == UNSETTLED or sequence.sampler_slot in self._sampler.forced_slots:
                self._sampler.uncount(sequence.sampler_slot, token)
                self._roll_back(sequence, length)
            else:
                yield SampledToken(request, sequence, None if token == INVALID else token, length + 1)

    def _roll_back(self, sequence: TokenSequence, length: int) -> None:
        """Take back a token that is not settled, and the one behind it."""
        self._sampler.note_sampled([sequence.sampler_slot], length - sequence.kv_slot.length)
        sequence.kv_slot.length = length
        self._waits = max(self._waits, 1)

    @torch.inference_mode()
    def _launch(self, rows: Sequence[DecodeRow]) -> LaunchedStep:
        slot_of = self._runner.active_adapters.slot_of
        spans = [
            TokenSpan(sequence.kv_slot, (0,), slot_of(request.adapter), request.request.strength)
            for request, sequence in rows
        ]
        slots = [sequence.sampler_slot for _, sequence in rows]
        tokens = Download(len(rows), self._runner.device)
        lengths = [sequence.kv_slot.length for _, sequence in rows]
        batch, output = self.run(spans, slots)
        tokens.begin(output.tokens)
        batch.advance()
        self._sampler.note_sampled(slots)
        return LaunchedStep(rows, lengths, tokens)

    def run(self, spans: Sequence[TokenSpan], slots: Sequence[int]) -> tuple[DecodeBatch, StepOutput]:
        """Launch a step of spans whose ids are the latest tokens of sampler slots, one each."""
        draws = self._sampler.draw_rows(slots)
        batch = DecodeBatch(spans, draws, self._sampler.padding_slot, self._runner.device)
        version = self._runner.active_adapters.generation, self._sampler.version
        return batch, self.graphs.run(self._step, batch, version)

    def _step(self, batch: DecodeBatch, numbers: Tensor) -> StepOutput:
        """Launch a forward pass and the draw behind it."""
        rows = batch.place(numbers)
        batch.ids = self._sampler.latest(rows.source)
        logits = self._runner.forward(batch)
        return StepOutput(logits, self._sampler.draw(logits, rows, batch.sorts_all, batch.adjusts))


def _unfinished(running: Sequence[RunningRequest]) -> Iterator[DecodeRow]:
    return ((request, sequence) for request in running for sequence in request.unfinished)


def _known_length(request: RunningRequest, sequence: TokenSequence) -> int:
    """Return the tokens of its KV slot when the latest token that was read is to be added next."""
    return len(request.request.ids) + len(sequence.tokens) - 1


def _goes_on(request: RunningRequest, sequence: TokenSequence) -> bool:
    """Return whether a sequence has room for a token behind the one that is in flight."""
    ahead = sequence.kv_slot.length - _known_length(request, sequence)
    return len(sequence.tokens) + ahead < request.most_tokens(sequence)
