"""Who waits for the running batch, and whose turn it is."""

from collections import deque
from collections.abc import Callable

from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_state import answers_without_run
from bot.engine.core.scheduling import AdapterRoundRobin
from bot.engine.runtime.errors import explain_failure
from bot.errors import UserError


class RequestQueue:
    """Requests in the order in which they came; adapters take turns."""

    def __init__(self) -> None:
        self.waiting: deque[OutputStream] = deque()
        self._turns = AdapterRoundRobin()

    def drop_aborted(self) -> int:
        """Let out who is no longer wanted, or whose deadline has passed; returns how many."""
        leaving = [(one, finish) for one in self.waiting if (finish := one.abort_reason())]
        for generation, finish in leaving:
            self.waiting.remove(generation)
            generation.finish(answers_without_run(generation, finish))
        return len(leaving)

    def admit(self, enter: Callable[[OutputStream], bool]) -> None:
        """Let in who can `enter`, until the next in turn cannot: nobody smaller passes, so nobody starves.

        A request for which `enter` raises will never run, and is told so.
        """
        while self.waiting:
            at = self._turns.next_index([generation.request.adapter for generation in self.waiting])
            generation = self.waiting[at]
            try:
                if not enter(generation):
                    return
            except (UserError, ValueError) as error:
                generation.fail(error)
            except (Exception, MemoryError) as error:
                generation.fail(explain_failure(error))
            del self.waiting[at]
            self._turns.mark_admitted(generation.request.adapter)
