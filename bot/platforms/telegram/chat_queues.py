"""Work beside polling: in order within a place, several places at once, with bounded queues."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from bot.message import Place

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
MAX_QUEUED, MAX_OF_PERSON = 20, 5  # pieces of work that wait in one place, of all people and of one
MAX_PLACES, MAX_BESIDE = 1000, 5  # places with work; pieces of work beside the queue of one place


class ChatQueues:
    """A queue and a task for each place with work."""

    def __init__(self) -> None:
        self._queues: dict[Place, deque[tuple[str, Work]]] = {}  # with the id of the one who asked for it
        self._tasks: set[asyncio.Task[None]] = set()
        self._beside: Counter[Place] = Counter()

    def enqueue(self, place: Place, work: Work, person: str = "") -> None:
        """Run the work behind the place's waiting work; drop it, and log that, where too much waits.

        `person` is the id of the one who asked for it, empty where nobody did.
        """
        queue = self._queues.get(place)
        if queue is not None and _has_room(queue, person):
            queue.append((person, work))
        elif queue is None and len(self._queues) < MAX_PLACES:
            self._queues[place] = deque([(person, work)])
            self._run(partial(self._drain, place))
        else:
            log.warning("command_queue_full", extra={"place": str(place)})

    def start(self, place: Place, work: Work) -> None:
        """Run the work now, beside every queue; too much of it at once is dropped, and the log says so."""
        if self._beside[place] < MAX_BESIDE and self._beside.total() < MAX_PLACES:
            self._beside[place] += 1
            self._run(work).add_done_callback(lambda _: self._end_beside(place))
        else:
            log.warning("command_queue_full", extra={"place": str(place)})

    def _run(self, work: Work) -> asyncio.Task[None]:
        task = asyncio.create_task(_run_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _end_beside(self, place: Place) -> None:
        self._beside[place] -= 1
        if not self._beside[place]:
            del self._beside[place]

    async def close(self) -> None:
        """Cancel all work, running and waiting."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, place: Place) -> None:
        queue = self._queues[place]
        while queue:
            await _run_logged(queue[0][1])
            queue.popleft()
        del self._queues[place]


def _has_room(queue: Collection[tuple[str, Work]], person: str) -> bool:
    own = sum(asker == person for asker, _ in queue) if person else 0
    return len(queue) < MAX_QUEUED and own < MAX_OF_PERSON


async def _run_logged(work: Work) -> None:
    """Do the work; log an exception, so that the queue goes on."""
    try:
        await work()
    except Exception:
        log.exception("command_failed")
