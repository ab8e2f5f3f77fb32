"""How fast a bot may speak: in each chat, in each group, and over all; and who was told to wait.

The figures are those of Telegram's own FAQ for bots: about one message a second in a chat, which bears short
bursts, 20 a minute in a group with edits among them, 30 a second over all.
"""

from collections import deque
from dataclasses import dataclass, field

_EPSILON = 1e-6  # seconds; sums of times are no more exact than a clock


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in any so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rates:
    chat: Rate = Rate(3, 3.0)
    group: Rate = Rate(20, 60.0)
    overall: Rate = Rate(30, 1.0)


@dataclass(slots=True)
class RateWindow:
    """When the newest of a rate were said."""

    rate: Rate
    times: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """The seconds until one more may come."""
        return 0.0 if self.free(now) > 0 else self._oldest_left(now)

    def free(self, now: float) -> int:
        """How many more may come now."""
        while self.times and self._oldest_left(now) < _EPSILON:
            self.times.popleft()
        return self.rate.count - len(self.times)

    def _oldest_left(self, now: float) -> float:
        """The seconds for which the oldest still counts."""
        return self.times[0] + self.rate.seconds - now


class RateLimit:
    """Says when a message may go. The clock is the caller's: `now` is in seconds, from any beginning."""

    def __init__(self, rates: Rates | None = None) -> None:
        self._rates = rates or Rates()
        self._overall = RateWindow(self._rates.overall)
        self._chats: dict[str, list[RateWindow]] = {}
        self._closed_until: dict[str, float] = {}

    def wait_turn(self, chat: str, group: bool, now: float) -> float:
        """Count one message that goes now, and return 0; or the seconds after which to ask again."""
        windows = self._windows(chat, group, now)
        wait = max(self._closed_until.get(chat, now) - now, *(window.wait(now) for window in windows))
        if wait <= 0:
            for window in windows:
                window.times.append(now)
        return max(0.0, wait)

    def can_spare(self, chat: str, group: bool, now: float, keep: int) -> bool:
        """Whether one could go now and leave the group `keep` more: for what need not be said."""
        windows = self._windows(chat, group, now)
        scarce = group and windows[1].free(now) <= keep
        return self.is_open(chat, now) and not scarce and not any(window.wait(now) for window in windows)

    def is_open(self, chat: str, now: float) -> bool:
        """Whether the chat has not been told to wait."""
        return self._closed_until.get(chat, now) <= now

    def close(self, chat: str, until: float) -> None:
        """Let one chat wait, and no other."""
        self._closed_until[chat] = max(until, self._closed_until.get(chat, until))

    def _windows(self, chat: str, group: bool, now: float) -> list[RateWindow]:
        """The chat's own, the group's where it is one, and the one of all."""
        if chat not in self._chats:
            self._drop_idle(now)
            rates = (self._rates.chat, self._rates.group) if group else (self._rates.chat,)
            self._chats[chat] = [RateWindow(rate) for rate in rates]
        return [*self._chats[chat], self._overall]

    def _drop_idle(self, now: float) -> None:
        """Drop what no longer matters, so that a long life takes no more room than a busy minute."""
        self._closed_until = {chat: until for chat, until in self._closed_until.items() if until > now}
        self._chats = {
            chat: windows
            for chat, windows in self._chats.items()
            if any(window.free(now) < window.rate.count for window in windows)
        }
