"""Schedule of one step: the tokens that each running request adds, and the sequences that get a token."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.core.request_state import RunningRequest, TokenSequence
from bot.engine.core.scheduling import (
    MIN_CHUNK,
    WHOLE_PROMPT,
    PrefillCost,
    PrefillState,
    prefill_budget,
    prefill_chunks,
)

if TYPE_CHECKING:
    from bot.engine.lora.active import LoadedAdapter

ScheduledSpan: TypeAlias = tuple[RunningRequest, TokenSpan]
SampledSequence: TypeAlias = tuple[int, RunningRequest, TokenSequence]  # row of the logits, request, sequence


def schedule_spans(
    running: Sequence[RunningRequest],
    adapter_slot: "Callable[[LoadedAdapter | None], int]",
    cost: PrefillCost,
    *,
    short_only: bool = False,
) -> list[ScheduledSpan]:
    """Return the next tokens of each request: a chunk of its prompt, or a token of each of its sequences.

    `adapter_slot` maps an active adapter to its slot; `cost` is that of a step with a chunk. With
    `short_only`, long prompts wait while other requests decode.
    """
    chunks = _prefill_chunks(running, cost, short_only)
    spans: list[ScheduledSpan] = []
    for request in running:
        slot, strength = adapter_slot(request.adapter), request.request.strength
        if remaining := request.prefill_remaining:
            chunk = chunks.get(request, 0)
            fair = 2 * chunk >= min(remaining, MIN_CHUNK)  # more than a leftover of other chunks
            waits = short_only and is_long(request)
            request.skipped_steps = 0 if fair else request.skipped_steps + (not waits)
            start = request.prompt_slot.length
            if ids := request.request.ids[start : start + chunk]:
                spans.append((request, TokenSpan(request.prompt_slot, ids, slot, strength)))
        else:
            spans += [
                (request, TokenSpan(sequence.kv_slot, (sequence.tokens[-1],), slot, strength))
                for sequence in request.unfinished
            ]
    return spans


def is_long(request: RunningRequest) -> bool:
    """Return whether more of the request's prompt remains than is prefilled at once."""
    return request.prefill_remaining > WHOLE_PROMPT


def _prefill_chunks(
    running: Sequence[RunningRequest], cost: PrefillCost, short_only: bool
) -> dict[RunningRequest, int]:
    none_decodes = all(request.prefill_remaining for request in running)
    prompts = {
        request: PrefillState(remaining, request.skipped_steps)
        for request in running
        if (remaining := request.prefill_remaining)
        and (none_decodes or not short_only or not is_long(request))
    }
    if not prompts:
        return {}
    shortest = min(prompt.remaining for prompt in prompts.values()) if none_decodes else 0
    return prefill_chunks(prompts, prefill_budget(cost.fitting_tokens(none_decodes), shortest))


def sampled_sequences(batch: ForwardBatch, spans: Sequence[ScheduledSpan]) -> Iterator[SampledSequence]:
    """Yield the sequences that get a token from the batch's logits [spans, vocabulary].

    A chunk that leaves a rest of its prompt gives no token; the logits behind a whole prompt serve all
    candidates. Call it before the batch advances.
    """
    owners = {id(span.kv_slot): request for request, span in spans}
    for place, span in enumerate(batch.spans):
        request = owners[id(span.kv_slot)]
        remaining = request.prefill_remaining
        if remaining > len(span.ids):
            continue
        for sequence in request.sequences:
            if remaining or sequence.kv_slot is span.kv_slot:
                yield place, request, sequence
