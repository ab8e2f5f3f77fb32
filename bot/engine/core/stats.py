"""Counters and times of the engine, written by its thread and read from any thread."""

from collections import deque
from collections.abc import Callable
from time import monotonic

WINDOW_SECONDS = 10.0  # over which tokens per second are measured
RECENT_REQUESTS = 200  # requests whose seconds to the first token are kept


class EngineStats:
    """Counters and times. Plain numbers and bounded queues: another thread reads them without a lock."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._steps: deque[tuple[float, int]] = deque(maxlen=4096)  # end of a step, tokens sampled
        self._first_tokens: deque[float] = deque(maxlen=RECENT_REQUESTS)
        self.answered = 0  # requests that ended without an error
        self.prompt_tokens = 0
        self.reused_tokens = 0  # prompt tokens found in the prefix cache
        self.drawn_tokens = 0  # of answers and thoughts
        self.step_started: float | None = None  # by the clock; None between two steps

    def record_step(self, tokens: int) -> None:
        """Record the end of a step that sampled so many tokens."""
        self._steps.append((self._clock(), tokens))
        self.drawn_tokens += tokens

    def record_first_token(self, seconds: float) -> None:
        """Record the seconds from a request's submission to its first token."""
        self._first_tokens.append(seconds)

    @property
    def tokens_per_second(self) -> float:
        """Tokens per second over the steps of the last `WINDOW_SECONDS`; 0 with fewer than two steps."""
        since = self._clock() - WINDOW_SECONDS
        steps = [(ended, tokens) for ended, tokens in self._steps.copy() if ended > since]
        if len(steps) < 2:
            return 0.0
        return sum(tokens for _, tokens in steps[1:]) / max(steps[-1][0] - steps[0][0], 1e-6)

    def first_token_quantile(self, share: float) -> float:
        """Return the seconds within which this share of recent requests had a first token; 0 before any."""
        seconds = sorted(self._first_tokens.copy())
        return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0

    @property
    def hit_rate(self) -> float:
        """Share of all prompt tokens that were found in the prefix cache, 0 to 1."""
        return self.reused_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    def is_stuck(self, seconds: float) -> bool:
        """Return whether the running step has taken longer than these seconds."""
        started = self.step_started
        return started is not None and self._clock() - started > seconds
