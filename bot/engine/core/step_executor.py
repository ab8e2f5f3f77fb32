"""One step whose tokens the host waits for: prompts and decoding, in one forward pass."""

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from torch import Tensor

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

    def execute(self, spans: Sequence[ScheduledSpan]) -> list[SampledToken]:
        """Run a forward pass and return a token for each sequence whose prompt is computed.

        After an error nothing counts as computed, and the step may be repeated.
        """
        started = monotonic()
        holds_long = any(is_long(owner) for owner, _ in spans)
        decodes = not all(owner.prefill_remaining for owner, _ in spans)
        batch = self._runner.batch_of([span for _, span in spans])
        sampled = list(sampled_sequences(batch, spans))
        tokens = self._sample(self._runner.forward(batch), sampled)
        if measured := batch.starts[-1] >= MIN_CHUNK:
            self._runner.synchronize()
        batch.advance()
        seconds = monotonic() - started
        self._prefill_share.record(seconds, is_long=holds_long, decodes=decodes)
        if measured:
            self._prefill_cost.record(batch.starts[-1], seconds)
        return [
            SampledToken(request, sequence, token, batch.spans[place].kv_slot.length, logprobs)
            for (place, request, sequence), (token, logprobs) in zip(sampled, tokens, strict=True)
        ]

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


def _logprob_table(logits: Tensor, sampled: Sequence[SampledSequence]) -> LogprobTable | None:
    """Return the log probabilities of requests that want them; None where no request does."""
    wanted = [(row, request.request.logprobs) for row, (_, request, _) in enumerate(sampled)]
    counts = {row: count for row, count in wanted if count is not None}
    return LogprobTable(logits, counts) if counts else None
