"""One step whose tokens the host waits for: prompts and decoding, in one forward pass."""

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from torch import Tensor

from bot.engine.core.beam_request import BeamRequest
from bot.engine.core.request_state import RunningRequest, TokenSequence
from bot.engine.core.resources import RequestResources
from bot.engine.core.scheduling import MIN_CHUNK, PrefillCost, PrefillShare
from bot.engine.core.step_schedule import (
    SampledSequence,
    ScheduledSpan,
    is_long,
    sampled_sequences,
    schedule_spans,
)
from bot.engine.runtime.transfer import upload
from bot.engine.sampling.beam_search import Continuation
from bot.engine.sampling.logprobs import LogprobTable, StepLogprobs


class SampledToken(NamedTuple):
    """A sequence's next token, None where the logits are no numbers, behind so many tokens of its KV slot.

    `logprobs` are there where the request wants them.
    """

    request: RunningRequest
    sequence: TokenSequence
    token: int | None
    length: int
    logprobs: StepLogprobs | None = None

    def apply(self, resources: RequestResources) -> None:
        """Append the token; a further candidate first gets a copy of the prompt's keys and values."""
        request, sequence = self.request, self.sequence
        if sequence is not request.sequences[0] and sequence.kv_slot.length == 0:
            resources.cache.copy_slot(request.prompt_slot, sequence.kv_slot)
        request.append_token(sequence, self.token, self.logprobs)
        if sequence.closing_ids:
            resources.sampler.force(sequence.sampler_slot, sequence.closing_ids)
            sequence.closing_ids = ()
        sequence.checked = self.length


class BeamStep(NamedTuple):
    """The best continuations of a request's beams; None where the logits are no numbers."""

    request: BeamRequest
    continuations: list[Continuation] | None

    def apply(self, resources: RequestResources) -> None:
        """Let the beams grow."""
        self.request.grow(self.continuations, resources.cache.copy_slot)


StepResult = SampledToken | BeamStep


class StepExecutor:
    """Schedules and executes steps; it knows what earlier ones cost. Belongs to the engine's thread."""

    def __init__(self, resources: RequestResources) -> None:
        self._runner, self._sampler = resources.loaded.runner, resources.sampler
        self._prefill_cost, self._prefill_share = PrefillCost(), PrefillShare()

    def schedule(self, running: Sequence[RunningRequest]) -> list[ScheduledSpan]:
        """Return the next tokens of each request."""
        return schedule_spans(
            running,
            self._runner.active_adapters.slot_of,
            self._prefill_cost,
            short_only=self._prefill_share.is_spent,
        )

    def execute(self, spans: Sequence[ScheduledSpan]) -> list[StepResult]:
        """Run a forward pass and return a token for each sequence whose prompt is computed.

        The beams of a request have one result together.
        After an error nothing counts as computed, and the step may be repeated.
        """
        started = monotonic()
        holds_long = any(is_long(owner) for owner, _ in spans)
        decodes = not all(owner.prefill_remaining for owner, _ in spans)
        batch = self._runner.batch_of([span for _, span in spans])
        sampled, searched = list[SampledSequence](), list[SampledSequence]()
        for each in sampled_sequences(batch, spans):
            (searched if isinstance(each[1], BeamRequest) else sampled).append(each)
        logits = self._runner.forward(batch)
        beam_steps = _beam_steps(logits, searched)  # first: no token may be drawn twice
        tokens = self._sample(logits, sampled)
        if measured := batch.starts[-1] >= MIN_CHUNK:
            self._runner.synchronize()
        batch.advance()
        seconds = monotonic() - started
        self._prefill_share.record(seconds, is_long=holds_long, decodes=decodes)
        if measured:
            self._prefill_cost.record(batch.starts[-1], seconds)
        drawn = [
            SampledToken(request, sequence, token, batch.spans[place].kv_slot.length, logprobs)
            for (place, request, sequence), (token, logprobs) in zip(sampled, tokens, strict=True)
        ]
        return [*drawn, *beam_steps]

    def _sample(
        self, logits: Tensor, sampled: Sequence[SampledSequence]
    ) -> list[tuple[int | None, StepLogprobs | None]]:
        if not sampled:
            return []
        places = [place for place, _, _ in sampled]
        whole = places == list(range(len(logits)))
        picked = logits if whole else logits.index_select(0, upload(places, logits.device))
        table = _logprob_table(picked, sampled)
        tokens = self._sampler.sample(picked, [sequence.sampler_slot for _, _, sequence in sampled])
        return [(token, table.of(row, token) if table else None) for row, token in enumerate(tokens)]


def _beam_steps(logits: Tensor, searched: Sequence[SampledSequence]) -> list[BeamStep]:
    """Return the best continuations of each request's beams, from the rows of their logits."""
    places = {id(sequence): place for place, _, sequence in searched}
    requests = dict.fromkeys(request for _, request, _ in searched if isinstance(request, BeamRequest))
    steps = []
    for request in requests:
        rows = [places[id(sequence)] for sequence in request.beam_sequences]
        own = logits.index_select(0, upload(rows, logits.device))
        steps.append(BeamStep(request, request.continuations(own)))
    return steps


def _logprob_table(logits: Tensor, sampled: Sequence[SampledSequence]) -> LogprobTable | None:
    """Return the log probabilities of requests that want them; None where no request does."""
    wanted = [(row, request.request.logprobs) for row, (_, request, _) in enumerate(sampled)]
    counts = {row: count for row, count in wanted if count is not None}
    return LogprobTable(logits, counts) if counts else None
