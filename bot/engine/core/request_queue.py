"""The queue of waiting requests, admitted by turns of adapters."""

from collections import deque
from collections.abc import Callable

from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_state import answers_without_run
from bot.engine.core.scheduling import AdapterRoundRobin
from bot.engine.runtime.errors import DeviceLost, explain_failure
from bot.errors import UserError


class RequestQueue:
    """Waiting requests in order of arrival; adapters take turns. Belongs to the engine's thread."""

    def __init__(self) -> None:
        self.waiting: deque[OutputStream] = deque()
        self._turns = AdapterRoundRobin()

    def drop_aborted(self) -> int:
        """Finish waiting requests that were cancelled or passed a deadline; return their number."""
        aborted = [(stream, reason) for stream in self.waiting if (reason := stream.abort_reason())]
        for stream, reason in aborted:
            self.waiting.remove(stream)
            stream.finish(answers_without_run(stream, reason))
        return len(aborted)

    def admit(self, start: Callable[[OutputStream], bool]) -> None:
        """Start waiting requests until the next in turn finds no room.

        `start` returns whether there was room. A smaller request never passes the next in turn, so no
        request starves. A request for which `start` raises can never run: it fails with that error.
        """
        while self.waiting:
            index = self._turns.next_index([stream.request.adapter for stream in self.waiting])
            stream = self.waiting[index]
            try:
                if not start(stream):
                    return
            except (UserError, ValueError) as error:
                stream.fail(error)
            except DeviceLost:
                raise
            except (Exception, MemoryError) as error:
                stream.fail(explain_failure(error))
            del self.waiting[index]
            self._turns.mark_admitted(stream.request.adapter)
