"""Events of the gateway, handled one at a time in their order."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.errors import UserError
from bot.platforms.discord.departures import EVENTS, Departures
from bot.platforms.discord.inbound import InboundMessages

log = logging.getLogger(__name__)

MAX_MESSAGES = 1000  # messages of servers that wait in the queue
_MAX_RETRY_DELAY = 15.0  # seconds, while memory cannot be written


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event with its handler; `delivery_id` names the event in a dead letter.

    A backfill finds an event again that `can_be_backfilled`.
    """

    delivery_id: str
    handle: Callable[[], Awaitable[None]]
    can_be_backfilled: bool = False


class EventQueue:
    """A queue and its one consumer.

    Events after a new session wait until the backfill before them has ended. Messages that do not fit are
    dropped; a backfill then reads them behind those that did fit.
    """

    def __init__(
        self,
        inbound: InboundMessages,
        departures: Departures,
        run_backfill: Callable[[], Awaitable[None]],
        dead_letter: Callable[[str, str], Awaitable[None]],
        max_messages: int = MAX_MESSAGES,
    ) -> None:
        self._inbound, self._departures = inbound, departures
        self._run_backfill, self._dead_letter = run_backfill, dead_letter
        self._max_messages = max_messages
        self._waiting: deque[QueuedEvent] = deque()
        self._queued_messages = 0
        self._arrived = asyncio.Event()
        self._has_overflowed = self._is_stopped = False
        self._running: asyncio.Task[None] | None = None

    def put_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Queue the handler of a discord.py event; an event of another kind is ignored."""
        if self._is_stopped:
            return
        if event == "connect":  # a new session: the gateway does not send earlier messages
            self._put(QueuedEvent("backfill", self._backfill))
        elif event == "message":
            (message,) = arguments
            item = QueuedEvent(
                str(message.id), partial(self._inbound.receive, message), message.guild is not None
            )
            self._put_message(item)
        elif event == "raw_message_edit":
            (edit,) = arguments
            self._put(QueuedEvent(str(edit.message_id), partial(self._inbound.edit, edit.message)))
        elif event in ("raw_message_delete", "raw_bulk_message_delete"):
            (deletion,) = arguments
            ids = {deletion.message_id} if event == "raw_message_delete" else deletion.message_ids
            remove = partial(self._inbound.remove, deletion.channel_id, deletion.guild_id, ids)
            self._put(QueuedEvent(str(min(ids, default=0)), remove))
        elif event in EVENTS:
            (gone,) = arguments
            self._put(QueuedEvent(str(gone.id), partial(self._departures.handle, event, gone)))

    def put_unreadable(self, event: str, delivery_id: str) -> None:
        """Queue a dead letter for a message that discord.py could not parse."""
        if event == "MESSAGE_CREATE" and not self._is_stopped:
            self._put(
                QueuedEvent(delivery_id, partial(self._dead_letter, delivery_id, "the event cannot be read"))
            )

    def put_backfill(self) -> None:
        """Queue one more backfill."""
        if not self._is_stopped:
            self._put(QueuedEvent("backfill", self._backfill))

    def stop_intake(self) -> None:
        """Handle nothing more; the next start reads the messages that still wait."""
        self._is_stopped = True
        if self._running:
            self._running.cancel()

    async def run(self) -> None:
        """Handle events until `stop_intake`."""
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
        """Queue a message if the queue has room; a direct message always, as no backfill would find it."""
        has_room = not self._has_overflowed and self._queued_messages < self._max_messages
        if has_room or not item.can_be_backfilled:
            self._put(item)
            return
        if self._has_overflowed:
            return
        log.warning("event_queue_full", extra={"waiting": self._queued_messages})
        self._has_overflowed = True
        self._put(QueuedEvent("backfill", self._backfill))

    def _put(self, item: QueuedEvent) -> None:
        self._queued_messages += item.can_be_backfilled
        self._waiting.append(item)
        self._arrived.set()

    async def _backfill(self) -> None:
        self._has_overflowed = False
        await self._run_backfill()

    async def _handle(self, item: QueuedEvent) -> None:
        """Handle an event; wait while memory cannot be written, record a dead letter for any other error."""
        wait = 0.5
        while not self._is_stopped:
            try:
                await item.handle()
            except UserError as error:
                log.error("memory_unwritable", extra={"delivery_id": item.delivery_id, "reason": str(error)})
                wait = min(2 * wait, _MAX_RETRY_DELAY)
                await asyncio.sleep(wait)
                continue
            except Exception as error:
                log.exception("event_failed", extra={"delivery_id": item.delivery_id})
                await self._dead_letter(item.delivery_id, type(error).__name__)
            return
