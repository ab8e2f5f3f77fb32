"""Work beside polling: in order within a place, several places at once, with bounded queues."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from bot.message import Place

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
MAX_QUEUED = 20  # pieces of work that wait in one place
MAX_PLACES = 1000  # places with work, and pieces of work beside every queue


class ChatQueues:
    """A queue and a task for each place with work."""

    def __init__(self) -> None:
        self._queues: dict[Place, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def enqueue(self, place: Place, work: Work) -> None:
        """Run the work behind the place's waiting work; a full queue drops the work and logs that."""
        queue = self._queues.get(place)
        if queue is not None and len(queue) < MAX_QUEUED:
            queue.append(work)
        elif queue is None and len(self._queues) < MAX_PLACES:
            self._queues[place] = deque([work])
            self._run(partial(self._drain, place))
        else:
            log.warning("command_queue_full", extra={"place": str(place)})

    def start(self, place: Place, work: Work) -> None:
        """Run the work now, beside every queue; too much of it at once is dropped, and the log says so."""
        if len(self._tasks) - len(self._queues) < MAX_PLACES:
            self._run(work)
        else:
            log.warning("command_queue_full", extra={"place": str(place)})

    def _run(self, work: Work) -> None:
        task = asyncio.ensure_future(_run_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel all work, running and waiting."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, place: Place) -> None:
        queue = self._queues[place]
        while queue:
            await _run_logged(queue[0])
            queue.popleft()
        del self._queues[place]


async def _run_logged(work: Work) -> None:
    """Do the work; log an exception, so that the queue goes on."""
    try:
        await work()
    except Exception:
        log.exception("command_failed")
