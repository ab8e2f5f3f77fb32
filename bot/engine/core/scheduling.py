"""Scheduling rules without a model: the adapter to admit next, and the prompt tokens to prefill in a step."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

PREFILL_STEP_SECONDS = 0.1  # aim for a step with a prefill chunk: decoding requests wait for this step
MIN_CHUNK, MAX_CHUNK = 32, 1024  # prompt tokens in a step
WHOLE_PROMPT = 256  # tokens of a prompt that is prefilled in one step where no request decodes
AGING = 32  # tokens by which a skipped prompt counts as shorter after every step


@dataclass(frozen=True, slots=True)
class PrefillState:
    """A prompt in prefill: tokens that remain, and the number of steps in which the prompt was skipped."""

    remaining: int
    skipped_steps: int = 0


class AdapterRoundRobin:
    """Admission by turns: next comes the oldest request of the adapter whose last admission is longest ago.

    Between two admissions of a waiting adapter every other adapter has at most one, so a flood of requests to
    one persona delays the others by one request, and requests of one adapter keep their order.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[Hashable, int] = {}

    def next_index(self, waiting: Sequence[Hashable]) -> int:
        """Return the index of the request to admit next; `waiting` are adapters of requests, oldest first."""
        return min(range(len(waiting)), key=lambda index: (self._last.get(waiting[index], -1), index))

    def mark_admitted(self, adapter: Hashable) -> None:
        """Count an admission under this adapter."""
        self._count += 1
        self._last[adapter] = self._count


def prefill_budget(seconds_per_token: float, shortest: int = 0) -> int:
    """Return the most prompt tokens of a step, from the measured seconds for a prompt token (0: unknown).

    `shortest` is the rest of the shortest prompt where no request decodes, else 0: larger chunks take less
    time for each token, so that a short prompt is prefilled in one step. Other budgets are multiples of
    `MIN_CHUNK`, since oneDNN makes new kernels for every number of tokens: a tenth of the time to prefill
    4,000.
    """
    steady = MIN_CHUNK
    if seconds_per_token > 0:
        fitting = int(PREFILL_STEP_SECONDS / seconds_per_token)
        steady = max(MIN_CHUNK, min(MAX_CHUNK, fitting) // MIN_CHUNK * MIN_CHUNK)
    return max(steady, shortest) if shortest <= WHOLE_PROMPT else steady


def prefill_chunks(prompts: Mapping[Key, PrefillState], budget: int) -> dict[Key, int]:
    """Return the tokens of each prompt to prefill in the next step, together at most `budget`.

    Shortest remainder first, so that a long prompt delays no other by more than a chunk; a skipped prompt
    counts as shorter by `AGING` tokens a step, so that no prompt is skipped for ever.
    """
    chunks: dict[Key, int] = {}
    by_length = sorted(prompts.items(), key=lambda item: item[1].remaining - AGING * item[1].skipped_steps)
    for key, prompt in by_length:
        chunk = min(prompt.remaining, budget)
        if chunk > 0:
            chunks[key] = chunk
            budget -= chunk
    return chunks
