"""What the engine has done lately, counted on its thread and read from anywhere."""

from collections import deque
from collections.abc import Callable
from time import monotonic

WINDOW_SECONDS = 10.0  # seconds over which speed is measured
RECENT_REQUESTS = 200  # requests whose first tokens are remembered


class EngineStats:
    """Counts and times. Plain numbers and bounded queues: reading them from another thread needs no lock."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._steps: deque[tuple[float, int]] = deque(maxlen=4096)
        self._firsts: deque[float] = deque(maxlen=RECENT_REQUESTS)
        self.answered = 0
        self.prompt_tokens = 0
        self.reused_tokens = 0
        self.step_started: float | None = None

    def record_step(self, tokens: int) -> None:
        """A step gave so many tokens of answers."""
        self._steps.append((self._clock(), tokens))

    def record_first_token(self, seconds: float) -> None:
        """A request had its first token so long after it was made."""
        self._firsts.append(seconds)

    @property
    def tokens_per_second(self) -> float:
        """Over the last seconds in which there were steps."""
        steps = [(when, tokens) for when, tokens in self._copy() if when > self._clock() - WINDOW_SECONDS]
        if len(steps) < 2:
            return 0.0
        return sum(tokens for _, tokens in steps[1:]) / max(steps[-1][0] - steps[0][0], 1e-6)

    def first_token_quantile(self, share: float) -> float:
        """The seconds within which this share of the latest requests had their first token; 0 before any."""
        firsts = sorted(self._firsts.copy())
        return firsts[min(len(firsts) - 1, int(share * len(firsts)))] if firsts else 0.0

    @property
    def hit_rate(self) -> float:
        """The share of all prompts' tokens that were remembered."""
        return self.reused_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    def is_stuck(self, seconds: float) -> bool:
        """Whether the step that is under way has taken longer than that."""
        began = self.step_started
        return began is not None and self._clock() - began > seconds

    def _copy(self) -> list[tuple[float, int]]:
        return list(self._steps.copy())
