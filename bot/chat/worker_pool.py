"""The workers of a chat, one for each place with work."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from weakref import WeakValueDictionary

from bot.chat.author_turns import AuthorTurns
from bot.chat.worker import ConversationWorker, Process
from bot.memory.queries.records import Outgoing
from bot.message import Place, message_in_place

_WHOLE_MESSAGES = ("terminal", "web")  # platforms without a debounce


class WorkerPool:
    """Makes a place's worker when the place is used, and drops it once it is quiet and nobody holds it.

    `debounce` is in seconds, 0 in the terminal and on the page, where nobody sends half a message.
    """

    def __init__(self, process: Process, debounce: float) -> None:
        self._process, self._debounce, self._turns = process, debounce, AuthorTurns()
        self._workers: WeakValueDictionary[Place, ConversationWorker] = WeakValueDictionary()
        self._busy: set[ConversationWorker] = set()
        self._is_closed = False

    def worker(self, place: Place) -> ConversationWorker:
        """Return the worker of a place: there is never a second one."""
        worker = self._workers.get(place)
        if worker is None:
            debounce = self._debounce if place.platform not in _WHOLE_MESSAGES else 0
            worker = ConversationWorker(
                self._process, place, debounce, busy_workers=self._busy, turns=self._turns
            )
            self._workers[place] = worker
            if self._is_closed:
                worker.refuse_work()
        return worker

    def note_edit(self, place: Place, message_id: str) -> None:
        """Let a message that still waits for its reply wait as if it had just been said."""
        if worker := self._workers.get(place):
            worker.note_edit(message_id)

    def workers(self) -> tuple[ConversationWorker, ...]:
        """Return the workers that are busy or held."""
        return tuple(self._workers.values())

    def enqueue_outgoing(self, parts: Iterable[Outgoing]) -> None:
        """Queue each part with the worker of its place."""
        for outgoing in parts:
            self.worker(outgoing.place).enqueue_outgoing(outgoing)

    def move(self, old: Place, new: Place) -> None:
        """Queue the waiting messages of a chat that moved where the chat goes on."""
        for pending in self.worker(old).take_pending():
            self.worker(new).enqueue_message(replace(pending, message=message_in_place(pending.message, new)))

    async def close(self, grace: float) -> None:
        """Close all workers at once; each visible reply has `grace` seconds to end."""
        self._is_closed = True
        await asyncio.gather(*(worker.close(grace) for worker in self.workers()))
