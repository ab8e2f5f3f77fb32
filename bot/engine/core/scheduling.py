"""Scheduling rules without a model: the adapter to admit next, and the prompt tokens to prefill in a step."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.engine.attention.forward_batch import MAX_CHUNK

Key = TypeVar("Key", bound=Hashable)

PREFILL_STEP_SECONDS = 0.1  # aim for a step with a prefill chunk: decoding requests wait for this step
MIN_CHUNK = 32  # prompt tokens in a step
WHOLE_PROMPT = 256  # tokens of a prompt that is prefilled in one step where no request decodes
_LONG_FIXED = 0.5  # seconds of a step that do not depend on its tokens
_MEMORY = 0.9  # weight of the steps before the latest one
_ALIKE = 1e-3  # relative spread of the steps' tokens, below which no fixed part can be told
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


@dataclass(slots=True)
class PrefillCost:
    """Seconds of a step with a chunk of a prompt: a fixed part, and one for every token of the chunk.

    Both are fitted to the steps that were measured, later ones counting more. On a card the fixed part
    outweighs dozens of tokens; taken as proportional to tokens, every chunk would look dear and stay small.
    """

    _count: float = 0.0  # sums over steps, each weighted by how recent it is
    _tokens: float = 0.0
    _squares: float = 0.0
    _seconds: float = 0.0
    _products: float = 0.0
    _largest: int = 0  # tokens of the largest step, and of the smallest
    _smallest: int = 0
    _fixed: float = 0.0  # seconds
    _per_token: float = 0.0

    def record(self, tokens: int, seconds: float) -> None:
        """Record a step of so many tokens."""
        self._count = _MEMORY * self._count + 1
        self._tokens = _MEMORY * self._tokens + tokens
        self._squares = _MEMORY * self._squares + tokens * tokens
        self._seconds = _MEMORY * self._seconds + seconds
        self._products = _MEMORY * self._products + tokens * seconds
        self._largest, self._smallest = max(self._largest, tokens), min(self._smallest or tokens, tokens)

        self._fit()

    def _fit(self) -> None:
        """Fit fixed seconds and seconds per token, neither negative; steps that are alike keep the former."""
        spread = self._count * self._squares - self._tokens**2
        if spread > _ALIKE * self._squares:
            slope = (self._count * self._products - self._tokens * self._seconds) / spread
            self._fixed = min(max(0.0, self._seconds - slope * self._tokens), self._seconds) / self._count
        self._per_token = max(0.0, self._seconds - self._fixed * self._count) / self._tokens

    def fitting_tokens(self, alone: bool) -> int:
        """Return the tokens of the next chunk, at most twice those that were tried; 0 before the first step.

        The step takes `PREFILL_STEP_SECONDS`, or longer where its fixed part would be most of that: the
        tokens take twice the fixed part, and three times where they are `alone` and no request decodes. Of a
        fixed part beyond `_LONG_FIXED`, which may be the time of other work on the machine, they take less.
        The first two chunks differ, so that both parts can be told.
        """
        if self._largest == self._smallest:
            return 2 * self._largest
        times = 3 if alone else 2
        longest = max(self._fixed, times * _LONG_FIXED)
        room = max(PREFILL_STEP_SECONDS - self._fixed, min(times * self._fixed, longest))
        return min(2 * self._largest, int(room / self._per_token) if self._per_token else MAX_CHUNK)


@dataclass(slots=True)
class PrefillShare:
    """At most half of the time for prompts of over `WHOLE_PROMPT` tokens, while other requests decode.

    A step with a chunk takes several times as long as one without. Were there a chunk in each, whoever sends
    long messages on and on would slow everybody's answer down by as much.
    """

    _owed: float = 0.0  # seconds that decoding requests are owed

    @property
    def is_spent(self) -> bool:
        """True where the next step shall hold no chunk of a long prompt."""
        return self._owed > 0

    def record(self, seconds: float, *, is_long: bool, decodes: bool) -> None:
        """Record a step: did it hold a chunk of a long prompt, and did any request decode?"""
        if is_long and decodes:
            self._owed = seconds
        else:
            self._owed = max(0.0, self._owed - seconds) if decodes else 0.0


def prefill_budget(fitting: int, shortest: int = 0) -> int:
    """Return the most prompt tokens of a step, from those that fit a step by its cost (0: unknown).

    `shortest` is the rest of the shortest prompt where no request decodes, else 0: larger chunks take less
    time for each token, so that a short prompt is prefilled in one step. Other budgets are multiples of
    `MIN_CHUNK`, since oneDNN makes new kernels for every number of tokens: a tenth of the time to prefill
    4,000.
    """
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
