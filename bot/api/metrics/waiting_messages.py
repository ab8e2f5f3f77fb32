"""Messages that wait in memory's inbox and outbox, counted seldom."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.errors import UserError
from bot.memory.queries.records import Waiting

INTERVAL = 5.0  # seconds, at least, from one count to the next
PATIENCE = 1.0  # seconds that a scrape waits for a count
CountWaiting = Callable[[], Awaitable[Waiting]]


class WaitingMessages:
    """The newest count of memory's waiting messages; `clock` gives seconds."""

    def __init__(self, count: CountWaiting, clock: Callable[[], float], patience: float = PATIENCE) -> None:
        self._count, self._clock, self._patience = count, clock, patience
        self._latest: Waiting | None = None
        self._due = clock()
        self._counting: asyncio.Task[None] | None = None

    async def latest(self) -> Waiting | None:
        """Return the newest count; None where memory refuses, or takes too long."""
        if self._counting is None and self._clock() >= self._due:
            self._due = self._clock() + INTERVAL
            self._counting = asyncio.create_task(self._count_anew())
        if self._counting:
            await asyncio.wait({self._counting}, timeout=self._patience)
        return None if self._counting else self._latest

    def close(self) -> None:
        """Cancel a count that is under way."""
        if self._counting:
            self._counting.cancel()

    async def _count_anew(self) -> None:
        try:
            self._latest = await self._count()
        except UserError:
            self._latest = None  # memory logs its own errors
        finally:
            self._counting = None
