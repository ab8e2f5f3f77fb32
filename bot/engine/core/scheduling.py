"""Who is answered next, and how much of whose prompt is read in a step: decisions without a model."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)

PREFILL_STEP_SECONDS = (
    0.1  # seconds that a step with a chunk of a prompt should take: running answers wait for it
)
MIN_CHUNK, MAX_CHUNK = 32, 1024  # tokens of prompts in a step
WHOLE_PROMPT = 256  # tokens of a prompt that is read in one step where nobody waits for it
AGING = 32  # tokens by which a waiting prompt counts as shorter after every step without it


@dataclass(frozen=True, slots=True)
class PrefillState:
    """A prompt that is being read: what is left of it, and for how many steps it was passed over."""

    remaining: int
    skipped_steps: int = 0


class AdapterRoundRobin:
    """Which adapter's oldest request is admitted next: the one whose last admission is longest ago.

    Between two admissions of a waiting adapter every other one has at most one, so a flood of requests to one
    persona delays the others by one request, and requests of one adapter keep their order.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[Hashable, int] = {}

    def next_index(self, waiting: Sequence[Hashable]) -> int:
        """The place of the next request, of the adapters of all that wait, oldest first."""
        return min(range(len(waiting)), key=lambda place: (self._last.get(waiting[place], -1), place))

    def mark_admitted(self, adapter: Hashable) -> None:
        """Note whose turn it was."""
        self._count += 1
        self._last[adapter] = self._count


def prefill_budget(seconds_per_token: float, shortest: int = 0) -> int:
    """How many tokens of prompts a step may read, when a token takes so many seconds.

    `alone` is what is left of the shortest prompt where no answer would wait for the step: larger chunks are
    quicker for each token, so that a short prompt is read at once. Whole multiples of `FEWEST`, since oneDNN
    makes new kernels for every number of tokens: a tenth of reading 4,000.
    """
    steady = (
        max(MIN_CHUNK, min(MAX_CHUNK, int(PREFILL_STEP_SECONDS / seconds_per_token)) // MIN_CHUNK * MIN_CHUNK)
        if seconds_per_token > 0
        else MIN_CHUNK
    )
    return max(steady, shortest) if shortest <= WHOLE_PROMPT else steady


def prefill_chunks(prompts: Mapping[Name, PrefillState], budget: int) -> dict[Name, int]:
    """How many tokens of each prompt to read in the next step, at most `tokens` of all.

    Short ones first, so that a long prompt delays nobody by more than a chunk; one that is passed over comes
    to count as shorter, so that it is never passed over for ever.
    """
    shares: dict[Name, int] = {}
    for name, reading in sorted(
        prompts.items(), key=lambda item: item[1].remaining - AGING * item[1].skipped_steps
    ):
        share = min(reading.remaining, budget)
        if share > 0:
            shares[name] = share
            budget -= share
    return shares
