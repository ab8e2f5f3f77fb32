"""A place's own worker: first in, first out, one answer at a time, bursts answered once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.attention import Attention
from bot.engine.engine import Generation
from bot.memory.records import LastAnswer
from bot.message import Message

_LONGEST_BURST = 5  # debounces; who never stops typing is answered all the same


@dataclass(slots=True)
class Attempt:
    """An answer in the making: to some messages of one place, all for one persona, or instead of one."""

    persona: str
    rule: str
    messages: list[Message] = field(default_factory=list)
    replaces: LastAnswer | None = None
    visible: bool = False  # somebody has seen some of it, so it can no longer be taken back
    generation: Generation | None = None
    stopped: bool = False

    def gives_way_to(self, message: Message, attention: Attention) -> bool:
        """Whether a message supersedes this answer: the same author goes on, and nothing is visible yet."""
        if self.visible or self.stopped or not self.messages:
            return False
        return self.messages[-1].author.id == message.author.id and self.persona == attention.persona

    def stop(self) -> None:
        """End the answer with what there is of it."""
        self.stopped = True
        if self.generation:
            self.generation.cancel()


class Room:
    """Takes what is to be answered in one place and has it answered in order.

    A message by the author who is being answered supersedes that answer while nothing of it is visible: both
    are then answered together. Any other message waits for the next answer.
    """

    def __init__(
        self,
        answer: Callable[[Attempt], Awaitable[None]],
        withdraw: Callable[[Attempt], Awaitable[None]],
        debounce: float,
    ) -> None:
        self._answer, self._withdraw, self._debounce = answer, withdraw, debounce
        self._waiting: list[tuple[Message, Attention]] = []
        self._again: Attempt | None = None
        self._worker: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.attempt: Attempt | None = None
        self._arrived = asyncio.Event()

    @property
    def busy(self) -> bool:
        return self._worker is not None and not self._worker.done()

    def offer(self, message: Message, attention: Attention) -> None:
        """Queue a message for an answer."""
        self._waiting.append((message, attention))
        self._arrived.set()
        if self._task and self.attempt and self.attempt.gives_way_to(message, attention):
            self._task.cancel()
        self._start()

    def again(self, attempt: Attempt) -> None:
        """Make an answer anew; only while the room is not busy."""
        self._again = attempt
        self._start()

    def stop(self) -> bool:
        """End the answer in the making, if there is one, with what there is of it."""
        if self.attempt is None:
            return False
        self.attempt.stop()
        return True

    async def idle(self) -> None:
        """Return when everything offered has been answered."""
        while self._worker and not self._worker.done():
            await asyncio.wait([self._worker])

    async def close(self) -> None:
        """Stop at once. What was not finished stays accepted in memory, and is taken up at the next start."""
        if self._worker:
            self._worker.cancel()
            await asyncio.wait([self._worker])

    def _start(self) -> None:
        if not self.busy:
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting or self._again:
            if self._again:
                self.attempt, self._again = self._again, None
            else:
                await self._quiet()
                self.attempt = self._take()
            try:
                await self._try(self.attempt)
            finally:
                self.attempt = None

    async def _try(self, attempt: Attempt) -> None:
        self._task = asyncio.create_task(self._run(attempt))
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:  # the room is being closed
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._withdraw(attempt)
            raise
        if self._task.cancelled():
            attention = Attention(True, attempt.rule, attempt.persona)
            self._waiting[:0] = [(message, attention) for message in attempt.messages]
            await self._withdraw(attempt)
        else:
            self._task.result()

    async def _run(self, attempt: Attempt) -> None:
        await self._answer(attempt)

    def _take(self) -> Attempt:
        """The oldest waiting messages that go to one persona."""
        _, first = self._waiting[0]
        attempt = Attempt(first.persona, first.rule)
        while self._waiting and self._waiting[0][1].persona == first.persona:
            attempt.messages.append(self._waiting.pop(0)[0])
        return attempt

    async def _quiet(self) -> None:
        """Wait until a burst is over."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + _LONGEST_BURST * self._debounce
        while self._debounce:
            self._arrived.clear()
            wait = min(self._debounce, latest - loop.time())
            try:
                await asyncio.wait_for(self._arrived.wait(), max(0.0, wait))
            except TimeoutError:
                return
