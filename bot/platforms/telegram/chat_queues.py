"""Work beside intake: in order within a place, places at once, and never without end."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from bot.message import Place

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
MAX_QUEUED = 20  # what one place may have waiting


class ChatQueues:
    """A queue and a task for each place that has work."""

    def __init__(self) -> None:
        self._queues: dict[Place, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def enqueue(self, place: Place, work: Work) -> None:
        """Do this after what the place has waiting; past the longest queue it is left out, with a line."""
        queue = self._queues.get(place)
        if queue is None:
            self._queues[place] = deque([work])
            self.start(self._drain(place))
        elif len(queue) < MAX_QUEUED:
            queue.append(work)
        else:
            log.warning("too many commands at once", extra={"place": str(place)})

    def start(self, work: Awaitable[None]) -> None:
        """Do this now, whatever waits."""
        task = asyncio.ensure_future(_run_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave the rest undone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, place: Place) -> None:
        queue = self._queues[place]
        while queue:
            await _run_logged(queue[0]())
            queue.popleft()
        del self._queues[place]


async def _run_logged(work: Awaitable[None]) -> None:
    """Whatever one piece of work comes to, the next one is done."""
    try:
        await work
    except Exception:
        log.exception("a command failed")
