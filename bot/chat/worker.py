"""A place's own worker: first in, first out, one answer at a time, bursts answered once."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from bot.chat.triggers import ReplyDecision
from bot.engine.interface import Generation
from bot.memory.queries.records import LastAnswer, Outgoing
from bot.message import Message, Place

_LONGEST_BURST = 5  # debounces; who never stops typing is answered all the same


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message that waits for an answer. A suspect was being answered when an earlier process died."""

    message: Message
    attention: ReplyDecision
    is_suspect: bool = False


@dataclass(slots=True)
class ReplyTask:
    """An answer in the making: to some messages of one place, all for one persona, or instead of one."""

    persona: str
    rule: str
    messages: list[Message] = field(default_factory=list)
    replaces: LastAnswer | None = None
    is_suspect: bool = False
    reads_on: bool = True  # beyond its own messages; not while suspects wait behind them
    shown_in: str | None = None  # the platform's id of the message in which it is shown
    visible: bool = False  # somebody has seen some of it, so it can no longer be taken back
    generation: Generation | None = None
    stopped: bool = False

    def gives_way_to(self, message: Message, attention: ReplyDecision) -> bool:
        """Whether a message supersedes this answer: the same author goes on, and nothing is visible yet."""
        if self.visible or self.stopped or self.is_suspect or not self.messages:
            return False
        return self.messages[-1].author.id == message.author.id and self.persona == attention.persona

    @property
    def replaced(self) -> str | None:
        """The id of the answer's message that this one is made instead of."""
        return self.replaces.message.id if self.replaces else None

    def before(self, history: tuple[Message, ...]) -> tuple[Message, ...]:
        """What may be read: where suspects wait behind these messages, nothing after them."""
        ids = [message.id for message in history]
        if self.reads_on or self.messages[-1].id not in ids:
            return history
        return history[: ids.index(self.messages[-1].id) + 1]

    def stop(self) -> None:
        """End the answer with what there is of it."""
        self.stopped = True
        if self.generation:
            self.generation.cancel()


class Host(Protocol):
    """What a room needs done."""

    async def answer(self, place: Place, attempt: ReplyTask) -> None:
        """Make the answer, and send it."""

    async def withdraw(self, place: Place, attempt: ReplyTask) -> None:
        """Take back that an answer has been attempted."""

    async def deliver(self, outgoing: Outgoing) -> None:
        """Send a part of an answer that was made before."""

    def typing(self, place: Place, persona: str) -> AbstractAsyncContextManager[None]:
        """Show that a persona is about to speak."""


class ConversationWorker:
    """Takes what is to be answered in one place and has it answered in order.

    A message by the author who is being answered supersedes that answer while nothing of it is visible: both
    are then answered together. Any other message waits for the next answer. A suspect is answered alone: if
    the process dies again, no other message is to blame. What an earlier process left to be sent goes first.
    """

    def __init__(self, host: Host, place: Place, debounce: float) -> None:
        self._host, self._place, self._debounce = host, place, debounce
        self._waiting: list[PendingMessage] = []
        self._owed: list[Outgoing] = []
        self._paid = asyncio.Event()
        self._paid.set()
        self._again: ReplyTask | None = None
        self._worker: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.attempt: ReplyTask | None = None
        self._arrived = asyncio.Event()
        self._closing = False

    @property
    def busy(self) -> bool:
        return self._worker is not None and not self._worker.done()

    @property
    def waiting(self) -> int:
        """How many messages wait for an answer that nobody makes yet."""
        return len(self._waiting)

    def offer(self, offer: PendingMessage) -> None:
        """Queue a message for an answer."""
        self._waiting.append(offer)
        self._arrived.set()
        if self._task and self.attempt and self.attempt.gives_way_to(offer.message, offer.attention):
            self._task.cancel()
        self._start()

    def enqueue_outgoing(self, outgoing: Outgoing) -> None:
        """Queue a part that is still to be sent."""
        self._owed.append(outgoing)
        self._paid.clear()
        self._start()

    def again(self, attempt: ReplyTask) -> None:
        """Make an answer that no message asks for; only while the room is not busy."""
        self._again = attempt
        self._start()

    def leave(self) -> list[PendingMessage]:
        """Take out what waits for an answer: the chat goes on elsewhere."""
        waiting, self._waiting = self._waiting, []
        return waiting

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

    async def wait_sent(self) -> None:
        """Return when everything owed has been sent."""
        await self._paid.wait()

    async def close(self, grace: float = 0.0) -> None:
        """Stop. An answer that somebody sees has `grace` seconds to end with what there is of it.

        What was not finished stays accepted in memory, and is taken up at the next start.
        """
        self._closing = True
        if self._worker:
            if grace and self.attempt and self.attempt.visible:
                self.attempt.stop()
                await asyncio.wait([self._worker], timeout=grace)
            self._worker.cancel()
            await asyncio.wait([self._worker])

    def _start(self) -> None:
        if not self.busy and not self._closing:
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            while not self._closing and (self._owed or self._waiting or self._again):
                if self._owed:
                    await self._host.deliver(self._owed.pop(0))
                    continue
                self._paid.set()
                await self._serve(self._again.persona if self._again else self._waiting[0].attention.persona)
        finally:
            if not self._owed:
                self._paid.set()

    async def _serve(self, persona: str) -> None:
        """One answer, typing from before the burst is over."""
        async with self._host.typing(self._place, persona):
            if self._again:
                self.attempt, self._again = self._again, None
            else:
                await self._quiet()
                self.attempt = self._take()
            try:
                await self._try(self.attempt)
            finally:
                self.attempt = None

    async def _try(self, attempt: ReplyTask) -> None:
        self._task = asyncio.create_task(self._host.answer(self._place, attempt))
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:  # the room is being closed
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._host.withdraw(self._place, attempt)
            raise
        if self._task.cancelled():
            attention = ReplyDecision(True, attempt.rule, attempt.persona)
            self._waiting[:0] = [PendingMessage(message, attention) for message in attempt.messages]
            await self._host.withdraw(self._place, attempt)
        else:
            self._task.result()

    def _take(self) -> ReplyTask:
        """The oldest waiting messages that go to one persona."""
        first = self._waiting.pop(0)
        persona, rule = first.attention.persona, first.attention.rule
        attempt = ReplyTask(persona, rule, [first.message], is_suspect=first.is_suspect)
        while self._waiting and not first.is_suspect:
            following = self._waiting[0]
            if following.is_suspect or following.attention.persona != persona:
                break
            attempt.messages.append(self._waiting.pop(0).message)
        attempt.reads_on = not (first.is_suspect or any(offer.is_suspect for offer in self._waiting))
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
