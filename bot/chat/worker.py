"""A place's own worker: first in, first out, one reply at a time, one reply to a burst."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from functools import partial

from bot.chat.author_turns import AuthorTurns
from bot.chat.bursts import burst_request, choose_burst, persona_for, waiting_authors
from bot.chat.reply_task import PendingMessage, ReplyRequest, ReplyTask
from bot.chat.superseding import SupersedeLimit
from bot.chat.triggers import ReplyDecision
from bot.memory.queries.records import Outgoing
from bot.message import Place

Process = Callable[[ReplyTask | Outgoing], Coroutine[None, None, None]]

_LONGEST_BURST = 5  # debounces; a message of somebody who never stops typing is answered all the same


class ConversationWorker:
    """Queues messages and parts of one place and passes them to `process` one at a time, in order.

    A message by the author who is being answered supersedes that reply while nothing of it is visible: both
    messages are then answered together. It does so a few times at most, and not while anybody else waits
    (`SupersedeLimit`); any other message waits for the next reply. A suspect is answered alone: if the
    process dies again, no other message is to blame. Parts that an earlier process left unsent go first.
    Who has no turn (`AuthorTurns`) waits, and others are answered first.
    """

    def __init__(
        self,
        process: Process,
        place: Place,
        debounce: float,
        clock: Callable[[], float] = time.monotonic,
        busy_workers: "set[ConversationWorker] | None" = None,
        turns: AuthorTurns | None = None,
    ) -> None:
        """`busy_workers` holds the worker while it has work; nothing else may, so that it goes once quiet."""
        self._process, self.place, self._debounce = process, place, debounce
        self._busy_workers = set() if busy_workers is None else busy_workers
        self._supersede_limit, self._turns = SupersedeLimit(clock), turns or AuthorTurns()
        self._pending: list[PendingMessage] = []
        self._outgoing: deque[Outgoing] = deque()
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        self._request: ReplyRequest | None = None  # by command
        self._loop: asyncio.Task[None] | None = None
        self._current: ReplyTask | None = None
        self._running: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._closing = self._has_refused = False

    @property
    def busy(self) -> bool:
        return self._loop is not None and not self._loop.done()

    @property
    def waiting(self) -> int:
        """The number of messages that wait for a reply not yet begun."""
        return len(self._pending)

    def has_room(self, author: str, limit: int) -> bool:
        """Return whether another message may wait.

        Where one person has taken more than half of the room, anybody else finds room for one message more.
        """
        counts = Counter(pending.message.author.id for pending in self._pending)
        is_crowded_out = author not in counts and max(counts.values(), default=0) > limit / 2
        return self.waiting < (2 * limit if is_crowded_out else limit)

    def enqueue_message(self, pending: PendingMessage) -> None:
        """Queue a message for a reply."""
        self._has_refused = False
        self._pending.append(pending)
        self._arrived.set()
        if self._current and self._is_superseded_by(pending):
            self._supersede()
        self._start()

    def note_edit(self, message_id: str) -> None:
        """Make the current reply anew if its message changed while nothing is visible.

        The burst lasts longer if a bot's message changed, which grows by edits.
        """
        if any(each.message.id == message_id and each.message.author.is_bot for each in self._pending):
            self._arrived.set()
        may_supersede = not self._pending and not self._supersede_limit.is_reached
        if may_supersede and self._current and self._current.gives_way_to_edit(message_id):
            self._supersede()

    def _supersede(self) -> None:
        if self._running and self._current:
            self._current.mark_superseded()
            self._running.cancel()

    def note_refusal(self) -> bool:
        """Note that a message found no room; return True for the first one since a message was queued."""
        is_first, self._has_refused = not self._has_refused, True
        return is_first

    def enqueue_outgoing(self, outgoing: Outgoing) -> None:
        """Queue a part that is still to be sent."""
        self._outgoing.append(outgoing)
        self._all_sent.clear()
        self._start()

    def enqueue_request(self, request: ReplyRequest) -> None:
        """Queue a reply that a command asks for; only while the worker is not busy."""
        self._request = request
        self._start()

    def take_pending(self) -> list[PendingMessage]:
        """Take out the messages that wait for a reply: their chat goes on in another place."""
        pending, self._pending = self._pending, []
        self._arrived.set()
        return pending

    @property
    def answered_authors(self) -> frozenset[str]:
        """The ids of those to whom a reply is being made; none where none is."""
        return self._current.authors if self._current else frozenset()

    def stop(self) -> bool:
        """End the current reply with the text generated so far; return False where no reply is being made."""
        if self._current is None:
            return False
        self._current.stop()
        return True

    async def idle(self) -> None:
        """Return when every queued message has been answered."""
        while self._loop and not self._loop.done():
            await asyncio.wait([self._loop])

    async def wait_sent(self) -> None:
        """Return when every queued part has been sent."""
        await self._all_sent.wait()

    async def close(self, grace: float = 0.0) -> None:
        """Stop. A visible reply has `grace` seconds to end with the text generated so far.

        Unfinished messages and parts stay accepted in memory; the next process takes them up.
        """
        self.refuse_work()
        if self._loop:
            if grace and self._current and self._current.is_visible:
                self._current.stop()
                await asyncio.wait([self._loop], timeout=grace)
            self._loop.cancel()
            await asyncio.wait([self._loop])

    def refuse_work(self) -> None:
        """Begin nothing more."""
        self._closing = True

    def _is_superseded_by(self, pending: PendingMessage) -> bool:
        """Return True where a new message replaces the current reply; never while another author waits."""
        assert self._current
        author = pending.message.author.id
        waits_alone = all(waiting.message.author.id == author for waiting in self._pending)
        return waits_alone and not self._supersede_limit.is_reached and self._current.gives_way_to(pending)

    def _start(self) -> None:
        if not self.busy and not self._closing:
            self._loop = asyncio.create_task(self._work())
            self._busy_workers.add(self)
            self._loop.add_done_callback(self._rest)

    def _rest(self, loop: asyncio.Task[None]) -> None:
        if not self.busy:
            self._busy_workers.discard(self)

    async def _work(self) -> None:
        try:
            while not self._closing and (self._outgoing or self._pending or self._request):
                if self._outgoing:
                    await self._process(self._outgoing.popleft())
                    continue
                self._all_sent.set()
                await self._reply()
        finally:
            if not self._outgoing:
                self._all_sent.set()

    async def _reply(self) -> None:
        """Have one reply made, to a command or to the first of those who wait and have a turn."""
        request, self._request = self._request, None
        waiting = partial(self._waiting_authors, request)
        async with self._turns.turn(waiting, self._arrived) as author:
            if request or author:
                await self._make_reply(request, author or "")

    def _waiting_authors(self, request: ReplyRequest | None) -> list[str]:
        """Return the ids of those who wait for the next reply, in order; none where an admin asked for it."""
        if request:
            return [request.user] if request.user else []
        return waiting_authors(self._pending)

    async def _make_reply(self, request: ReplyRequest | None, author: str) -> None:
        """Have one reply made, begun before the burst is over so that typing is shown."""
        task = ReplyTask(self.place, request.persona if request else persona_for(self._pending, author))
        running = asyncio.create_task(self._process(task))
        try:
            if request is None:
                await self._wait_out_burst()
            if not running.done() and (request := request or self._take_burst(author)):
                self._current, self._running = task, running
                self._supersede_limit.begin_reply()
                task.hand_over(request)
                await asyncio.wait([running])
        finally:
            self._current = self._running = None
            if not running.done():  # the worker closes, or its chat moved during the burst
                running.cancel()
                await asyncio.wait([running])
        if running.cancelled() and request:
            self._requeue(request)
            return
        self._supersede_limit.reset()
        if not running.cancelled():
            running.result()

    def _take_burst(self, author: str) -> ReplyRequest | None:
        """Take the messages that one reply answers out of the queue; None where the author's are gone."""
        burst = choose_burst(self._pending, author, self._turns.is_free)
        self._pending = [pending for pending in self._pending if pending not in burst]
        return burst_request(burst, self._pending) if burst else None

    def _requeue(self, superseded: ReplyRequest) -> None:
        """Put the messages of a superseded reply first in the queue."""
        self._supersede_limit.note_superseded()
        decision = ReplyDecision(True, superseded.rule, superseded.persona)
        self._pending[:0] = [PendingMessage(message, decision) for message in superseded.messages]

    async def _wait_out_burst(self) -> None:
        """Return when no message has come for the debounce, or after the longest burst."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while debounce := max((self._debounce, *(pending.debounce for pending in self._pending))):
            self._arrived.clear()
            wait = min(debounce, begun + _LONGEST_BURST * debounce - loop.time())
            try:
                await asyncio.wait_for(self._arrived.wait(), max(0.0, wait))
            except TimeoutError:
                return
