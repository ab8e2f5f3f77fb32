"""Telegram's rate limits, all off until a test turns them on."""

import math
import time
from dataclasses import dataclass, field

from tests.fakes.telegram.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds: a bucket of `count` that fills up again evenly."""

    count: float
    seconds: float


@dataclass
class Limits:
    """Messages and edits alike count: in every chat, in groups and channels, and for the whole bot.

    Telegram's FAQ gives Rate(1, 1) for a chat, where it bears short bursts, such as Rate(5, 5); Rate(20, 60)
    for a group; and Rate(30, 1) overall.
    """

    chat: Rate | None = None
    group: Rate | None = None
    overall: Rate | None = None
    _until: dict[int, float] = field(default_factory=dict)
    _spent: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def close(self, chat: int, seconds: float) -> None:
        """Refuse everything to this chat for so many seconds; 0 opens it again."""
        self._until[chat] = time.monotonic() + seconds

    def spend(self, chat: int, crowd: bool) -> None:
        """Count one message or edit, or refuse it with the seconds after which to retry."""
        now = time.monotonic()
        self._refuse(self._until.get(chat, 0) - now)
        rates = {("chat", chat): self.chat, ("group", chat): self.group if crowd else None}
        active = {key: rate for key, rate in {**rates, ("overall", 0): self.overall}.items() if rate}
        used = {key: self._used(key, rate, now) for key, rate in active.items()}
        for key, rate in active.items():
            self._refuse((used[key] + 1 - rate.count) * rate.seconds / rate.count)
        self._spent |= {key: (now, used[key] + 1) for key in active}

    def _used(self, key: tuple[str, int], rate: Rate, now: float) -> float:
        then, used = self._spent.get(key, (now, 0.0))
        return max(0.0, used - (now - then) * rate.count / rate.seconds)

    def _refuse(self, seconds: float) -> None:
        if seconds > 1e-9:
            wait = math.ceil(seconds)
            raise Refusal(429, f"retry after {wait}", retry_after=wait)
