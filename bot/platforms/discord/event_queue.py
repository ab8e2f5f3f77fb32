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

MAX_MESSAGES = 1000  # messages that wait to be stored
_MAX_RETRY_DELAY = 15.0  # seconds between two tries while memory cannot be written


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """Something to do about an event; the letter is what it is called should it be unreadable.

    What `can_wait` is found again by catching up.
    """

    delivery_id: str
    handle: Callable[[], Awaitable[None]]
    can_be_backfilled: bool = False


class EventQueue:
    """A queue and its one consumer.

    What comes after a new session waits until what was missed before it has been caught up with. Messages
    that do not fit are left out, and found again by catching up behind those that did.
    """

    def __init__(
        self,
        inbound: InboundMessages,
        run_backfill: Callable[[], Awaitable[None]],
        dead_letter: Callable[[str, str], Awaitable[None]],
        max_messages: int = MAX_MESSAGES,
    ) -> None:
        self._inbound, self._run_backfill, self._dead_letter, self._max_messages = (
            inbound,
            run_backfill,
            dead_letter,
            max_messages,
        )
        self._waiting: deque[QueuedEvent] = deque()
        self._queued_messages = 0
        self._arrived = asyncio.Event()
        self._has_overflowed = self._is_stopped = False
        self._running: asyncio.Task[None] | None = None

    def put_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Queue what an event of discord.py means, where it means anything."""
        if self._is_stopped:
            return
        if event == "connect":  # a new session: nothing said before it is told
            self._put(QueuedEvent("catching up", self._backfill))
        elif event == "message":
            (said,) = arguments
            item = QueuedEvent(
                str(said.id), partial(self._inbound.receive, said), can_be_backfilled=said.guild is not None
            )
            self._put_message(item)
        elif event == "raw_message_edit":
            (edit,) = arguments
            self._put(QueuedEvent(str(edit.message_id), partial(self._inbound.edit, edit.message)))
        elif event in ("raw_message_delete", "raw_bulk_message_delete"):
            (gone,) = arguments
            ids = {gone.message_id} if event == "raw_message_delete" else gone.message_ids
            deleted = partial(self._inbound.remove, gone.channel_id, gone.guild_id, ids)
            self._put(QueuedEvent(str(min(ids, default=0)), deleted))

    def put_unreadable(self, event: str, delivery_id: str) -> None:
        """Note an event that could not be read."""
        if event == "MESSAGE_CREATE" and not self._is_stopped:
            self._put(
                QueuedEvent(delivery_id, partial(self._dead_letter, delivery_id, "the event cannot be read"))
            )

    def put_backfill(self) -> None:
        """Catch up once more, behind what is waiting."""
        if not self._is_stopped:
            self._put(QueuedEvent("catching up", self._backfill))

    def stop_intake(self) -> None:
        """Take nothing more; what waits is found again at the next start."""
        self._is_stopped = True
        if self._running:
            self._running.cancel()

    async def run(self) -> None:
        """Take everything in, until hushed."""
        self._running = asyncio.current_task()
        try:
            while not self._is_stopped:
                await self._handle_next()
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise

    async def _handle_next(self) -> None:
        if self._waiting:
            item = self._waiting.popleft()
            self._queued_messages -= item.can_be_backfilled
            await self._handle(item)
        else:
            self._arrived.clear()
            await self._arrived.wait()

    def _put_message(self, item: QueuedEvent) -> None:
        """Queue a message if it fits; a direct one always, as there is no way to find it again."""
        if not item.can_be_backfilled or (
            not self._has_overflowed and self._queued_messages < self._max_messages
        ):
            self._put(item)
            return
        if self._has_overflowed:
            return
        log.warning(
            "too much at once: the rest is read again later", extra={"waiting": self._queued_messages}
        )
        self._has_overflowed = True
        self._put(QueuedEvent("catching up", self._backfill))

    def _put(self, item: QueuedEvent) -> None:
        self._queued_messages += item.can_be_backfilled
        self._waiting.append(item)
        self._arrived.set()

    async def _backfill(self) -> None:
        self._has_overflowed = False
        await self._run_backfill()

    async def _handle(self, item: QueuedEvent) -> None:
        """Take one thing in; wait while memory cannot be written, and bury what nobody can read."""
        wait = 0.5
        while not self._is_stopped:
            try:
                await item.handle()
            except UserError as error:
                log.error(
                    "memory cannot be written", extra={"letter": item.delivery_id, "reason": str(error)}
                )
                wait = min(2 * wait, _MAX_RETRY_DELAY)
                await asyncio.sleep(wait)
                continue
            except Exception as error:
                log.exception("an event cannot be taken in", extra={"letter": item.delivery_id})
                await self._dead_letter(item.delivery_id, type(error).__name__)
            return
