"""Everything that comes in, in the order of the gateway, one thing at a time."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.errors import UserError
from bot.platforms.discord.inbound import InboundMessages

log = logging.getLogger(__name__)

MOST = 1000  # messages that wait to be stored
_LONGEST_WAIT = 15.0  # seconds between two tries while memory cannot be written


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """Something to do about an event; the letter is what it is called should it be unreadable.

    What `can_wait` is found again by catching up.
    """

    letter: str
    take: Callable[[], Awaitable[None]]
    can_wait: bool = False


class EventQueue:
    """A queue and its one consumer.

    What comes after a new session waits until what was missed before it has been caught up with. Messages
    that do not fit are left out, and found again by catching up behind those that did.
    """

    def __init__(
        self,
        hearing: InboundMessages,
        catch_up: Callable[[], Awaitable[None]],
        bury: Callable[[str, str], Awaitable[None]],
        most: int = MOST,
    ) -> None:
        self._hearing, self._catch_up, self._bury, self._most = hearing, catch_up, bury, most
        self._waiting: deque[QueuedEvent] = deque()
        self._messages = 0
        self._arrived = asyncio.Event()
        self._overflown = self._hushed = False
        self._running: asyncio.Task[None] | None = None

    def take(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Queue what an event of discord.py means, where it means anything."""
        if self._hushed:
            return
        if event == "connect":  # a new session: nothing said before it is told
            self._put(QueuedEvent("catching up", self._catch))
        elif event == "message":
            (said,) = arguments
            item = QueuedEvent(
                str(said.id), partial(self._hearing.heard, said), can_wait=said.guild is not None
            )
            self._offer(item)
        elif event == "raw_message_edit":
            (edit,) = arguments
            self._put(QueuedEvent(str(edit.message_id), partial(self._hearing.changed, edit.message)))
        elif event in ("raw_message_delete", "raw_bulk_message_delete"):
            (gone,) = arguments
            ids = {gone.message_id} if event == "raw_message_delete" else gone.message_ids
            deleted = partial(self._hearing.deleted, gone.channel_id, gone.guild_id, ids)
            self._put(QueuedEvent(str(min(ids, default=0)), deleted))

    def poison(self, event: str, letter: str) -> None:
        """Note an event that could not be read."""
        if event == "MESSAGE_CREATE" and not self._hushed:
            self._put(QueuedEvent(letter, partial(self._bury, letter, "the event cannot be read")))

    def catch_up(self) -> None:
        """Catch up once more, behind what is waiting."""
        if not self._hushed:
            self._put(QueuedEvent("catching up", self._catch))

    def stop_intake(self) -> None:
        """Take nothing more; what waits is found again at the next start."""
        self._hushed = True
        if self._running:
            self._running.cancel()

    async def run(self) -> None:
        """Take everything in, until hushed."""
        self._running = asyncio.current_task()
        try:
            while not self._hushed:
                await self._next()
        except asyncio.CancelledError:
            if not self._hushed:
                raise

    async def _next(self) -> None:
        if self._waiting:
            item = self._waiting.popleft()
            self._messages -= item.can_wait
            await self._serve(item)
        else:
            self._arrived.clear()
            await self._arrived.wait()

    def _offer(self, item: QueuedEvent) -> None:
        """Queue a message if it fits; a direct one always, as there is no way to find it again."""
        if not item.can_wait or (not self._overflown and self._messages < self._most):
            self._put(item)
            return
        if self._overflown:
            return
        log.warning("too much at once: the rest is read again later", extra={"waiting": self._messages})
        self._overflown = True
        self._put(QueuedEvent("catching up", self._catch))

    def _put(self, item: QueuedEvent) -> None:
        self._messages += item.can_wait
        self._waiting.append(item)
        self._arrived.set()

    async def _catch(self) -> None:
        self._overflown = False
        await self._catch_up()

    async def _serve(self, item: QueuedEvent) -> None:
        """Take one thing in; wait while memory cannot be written, and bury what nobody can read."""
        wait = 0.5
        while not self._hushed:
            try:
                await item.take()
            except UserError as error:
                log.error("memory cannot be written", extra={"letter": item.letter, "reason": str(error)})
                wait = min(2 * wait, _LONGEST_WAIT)
                await asyncio.sleep(wait)
                continue
            except Exception as error:
                log.exception("an event cannot be taken in", extra={"letter": item.letter})
                await self._bury(item.letter, type(error).__name__)
            return
