"""Rate limits of a bot's messages: in each chat, in each group, and over all chats.

The figures are those of Telegram's own FAQ for bots: about one message a second in a chat, with short bursts;
20 a minute in a group, edits included; 30 a second over all.
"""

from collections import deque
from dataclasses import dataclass, field

_EPSILON = 1e-6  # seconds; sums of times are no more exact than a clock


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` messages in any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rates:
    chat: Rate = Rate(3, 3.0)
    group: Rate = Rate(20, 60.0)
    overall: Rate = Rate(30, 1.0)


@dataclass(slots=True)
class RateWindow:
    """The times of a rate's newest messages, in seconds."""

    rate: Rate
    times: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Return the seconds until one more message may go."""
        return 0.0 if self.free(now) > 0 else self._oldest_left(now)

    def free(self, now: float) -> int:
        """Return the number of messages that may go now."""
        while self.times and self._oldest_left(now) < _EPSILON:
            self.times.popleft()
        return self.rate.count - len(self.times)

    def _oldest_left(self, now: float) -> float:
        """Return the seconds for which the oldest message still counts."""
        return self.times[0] + self.rate.seconds - now


class RateLimit:
    """Decides when a message may go. The clock is the caller's: `now` is in seconds, from any beginning."""

    def __init__(self, rates: Rates | None = None) -> None:
        self._rates = rates or Rates()
        self._overall = RateWindow(self._rates.overall)
        self._chats: dict[str, list[RateWindow]] = {}
        self._closed_until: dict[str, float] = {}

    def wait_turn(self, chat: str, group: bool, now: float) -> float:
        """Count one message that goes now and return 0; or return the seconds after which to ask again."""
        windows = self._windows(chat, group, now)
        wait = max(self._closed_until.get(chat, now) - now, *(window.wait(now) for window in windows))
        if wait <= 0:
            for window in windows:
                window.times.append(now)
        return max(0.0, wait)

    def can_spare(self, chat: str, group: bool, now: float, keep: int) -> bool:
        """Return whether an optional message could go now and leave `keep` more in the group's minute."""
        windows = self._windows(chat, group, now)
        is_scarce = group and windows[1].free(now) <= keep
        return self.is_open(chat, now) and not is_scarce and not any(window.wait(now) for window in windows)

    def is_open(self, chat: str, now: float) -> bool:
        """Return whether the chat is outside any wait that Telegram asked for."""
        return self._closed_until.get(chat, now) <= now

    def close(self, chat: str, until: float) -> None:
        """Hold one chat's messages until this time, and no other chat's."""
        self._closed_until[chat] = max(until, self._closed_until.get(chat, until))

    def _windows(self, chat: str, group: bool, now: float) -> list[RateWindow]:
        """Return the chat's window, the group's window for a group, and the window of all chats."""
        if chat not in self._chats:
            self._drop_idle(now)
            rates = (self._rates.chat, self._rates.group) if group else (self._rates.chat,)
            self._chats[chat] = [RateWindow(rate) for rate in rates]
        return [*self._chats[chat], self._overall]

    def _drop_idle(self, now: float) -> None:
        """Drop idle windows and past waits, so that memory use stays that of a busy minute."""
        self._closed_until = {chat: until for chat, until in self._closed_until.items() if until > now}
        self._chats = {
            chat: windows
            for chat, windows in self._chats.items()
            if any(window.free(now) < window.rate.count for window in windows)
        }
