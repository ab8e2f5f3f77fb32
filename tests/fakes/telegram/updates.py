"""The queue of updates: kept until an offset acknowledges them, given out by long polling."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from tests.fakes.telegram.bell import Bell
from tests.fakes.telegram.refusal import Json, Refusal

ONLY_WHEN_ASKED_FOR = {"chat_member", "message_reaction", "message_reaction_count"}
TERMINATED = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@dataclass
class Updates:
    """The bot's waiting updates, polls and acknowledgements; `longest` is the longest poll, in seconds."""

    bell: Bell
    check: Callable[[Json], None]
    pending: list[Json] = field(default_factory=list)
    history: dict[int, Json] = field(default_factory=dict)
    allowed: list[str] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    acknowledged: int = 0
    webhook: str = ""
    next_id: int = 700_000_001
    longest: float = 50.0
    _again: list[Json] = field(default_factory=list)
    _poll: object = None

    @property
    def polling(self) -> bool:
        """Whether a long poll waits at this moment."""
        return self._poll is not None

    def put(self, kind: str, payload: Json) -> int | None:
        """Queue an update of this kind; None when the bot has not asked for the kind."""
        if kind not in self.allowed if self.allowed else kind in ONLY_WHEN_ASKED_FOR:
            return None
        update = {"update_id": self.next_id, kind: deepcopy(payload)}
        self.check(update)
        return self.put_raw(update)

    def put_raw(self, update: Json) -> int:
        """Queue an update as it stands, unchecked; it gets an id when it has none."""
        number = int(update.setdefault("update_id", self.next_id))
        self.next_id = max(self.next_id, number) + 1
        self.history[number] = update
        self.pending.append(update)
        self.bell.ring()
        return number

    def repeat(self, number: int, times: int = 1) -> None:
        """Deliver an update again, whether or not it was acknowledged."""
        self._again += [self.history[number]] * times
        self.bell.ring()

    def forget(self) -> None:
        self.pending.clear()

    def confirm(self, offset: int) -> None:
        """Drop what an offset acknowledges; a negative one leaves only so many from the end."""
        if offset < 0:
            offset = self.pending[offset:][0]["update_id"] if self.pending else 0
        self.acknowledged = max(self.acknowledged, offset - 1)
        self.pending = [update for update in self.pending if update["update_id"] >= offset]
        self.bell.ring()

    async def take(self, offset: int, limit: int, seconds: float) -> list[Json]:
        """Answer a poll; an older one that still waits ends with a conflict."""
        if self.webhook:
            raise Refusal(409, WEBHOOK)
        self.polls.append(time.monotonic())
        self.confirm(offset)
        poll = self._poll = object()
        self.bell.ring()
        wait = min(seconds, self.longest)
        try:
            await self.bell.until(lambda: self._poll is not poll or self.pending or self._again, wait)
            if self._poll is not poll:
                raise Refusal(409, TERMINATED)
        finally:
            self._poll = None if self._poll is poll else self._poll
            self.bell.ring()
        return self._give(limit)

    def _give(self, limit: int) -> list[Json]:
        given = [*self._again, *self.pending][: min(max(limit, 1), 100)]
        self._again = self._again[len(given) :]
        self.delivered += [update["update_id"] for update in given]
        return given
