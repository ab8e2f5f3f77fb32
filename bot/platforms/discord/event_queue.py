"""Events of the gateway, handled one at a time in their order."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import discord

from bot.errors import UserError
from bot.platforms.discord.departures import EVENTS, Departures
from bot.platforms.discord.inbound import InboundMessages
from bot.platforms.discord.notices import ReactionEvent
from bot.platforms.discord.waiting_changes import WaitingChanges, WaitingDeletions, WaitingMessage

log = logging.getLogger(__name__)

EventKind = Literal["message", "direct", "edit", "deletions", "backfill", "reaction", "other"]
MAX_MESSAGES = 1000  # messages of servers that wait, and as many direct ones
MAX_DIRECT_GAPS = 1000  # direct chats whose messages found no room
MAX_REACTIONS = 1000  # that wait
MAX_OTHERS = 1000  # departures and unreadable messages that wait
_MAX_RETRY_DELAY = 15.0  # seconds, while memory cannot be written


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event with its handler; `delivery_id` names the event in a dead letter, `kind` what is counted."""

    delivery_id: str
    handle: Callable[[], Awaitable[None]]
    kind: EventKind = "other"


class EventQueue:
    """A queue and its one consumer.

    Events after a new session wait until the backfill before them has ended. Messages that do not fit are
    dropped; a backfill then reads them behind those that did fit. So it is with edits and deletions, each of
    which waits once (`WaitingChanges`): the look at the newest messages before a backfill finds them.
    """

    def __init__(
        self,
        inbound: InboundMessages,
        departures: Departures,
        run_backfill: Callable[[Mapping[int, int]], Awaitable[None]],
        dead_letter: Callable[[str, str], Awaitable[None]],
        max_messages: int = MAX_MESSAGES,
    ) -> None:
        """`run_backfill` takes direct chats with dropped messages: the channel, and the id before them."""
        self._inbound, self._departures = inbound, departures
        self._run_backfill, self._dead_letter = run_backfill, dead_letter
        self._max_messages = max_messages
        self._waiting: deque[QueuedEvent] = deque()
        self._counts: Counter[EventKind] = Counter()
        self._changes = WaitingChanges()
        self._direct_gaps: dict[int, int] = {}
        self._arrived = asyncio.Event()
        self._has_overflowed = self._must_look = self._is_stopped = False
        self._running: asyncio.Task[None] | None = None

    def put_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Queue the handler of a discord.py event; an event of another kind is ignored."""
        if self._is_stopped:
            return
        if event == "connect":  # a new session: the gateway does not send earlier messages
            self.put_backfill()
        elif event == "message":
            self._put_message(*arguments)
        elif event == "raw_message_edit":
            self._put_edit(arguments[0].message)
        elif event in ("raw_message_delete", "raw_bulk_message_delete"):
            (deletion,) = arguments
            ids = {deletion.message_id} if event == "raw_message_delete" else set(deletion.message_ids)
            self._put_deletions(deletion.channel_id, deletion.guild_id, ids)
        elif event in ("raw_reaction_add", "raw_reaction_remove"):
            (reaction,) = arguments
            self._put_reaction(reaction)
        elif event in EVENTS:
            (gone,) = arguments
            self._put_other(QueuedEvent(str(gone.id), partial(self._departures.handle, event, gone)))

    def put_unreadable(self, event: str, delivery_id: str) -> None:
        """Queue a dead letter for a message that discord.py could not parse."""
        if event == "MESSAGE_CREATE" and not self._is_stopped:
            letter = partial(self._dead_letter, delivery_id, "the event cannot be read")
            self._put_other(QueuedEvent(delivery_id, letter))

    def put_backfill(self) -> None:
        """Queue a backfill, unless one waits: it reads all that was missed when its turn comes."""
        if not self._is_stopped and not self._counts["backfill"]:
            self._put(QueuedEvent("backfill", self._backfill, "backfill"))

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
            self._counts[item.kind] -= 1
            await self._handle(item)
        else:
            self._arrived.clear()
            await self._arrived.wait()

    def _put_message(self, message: discord.Message) -> None:
        """Queue a message if there is room; behind one that found no room, none of its kind is queued."""
        kind: EventKind = "message" if message.guild else "direct"
        has_room = self._counts[kind] < self._max_messages
        if kind == "message" and (self._has_overflowed or not has_room):
            self._note_overflow()
        elif kind == "direct" and (message.channel.id in self._direct_gaps or not has_room):
            self._note_direct_gap(message)
        elif waiting := self._changes.add_message(message):
            self._put(QueuedEvent(str(message.id), partial(self._receive, message.id, waiting), kind))

    def _note_overflow(self) -> None:
        if not self._has_overflowed:
            self._has_overflowed = True
            self._put_late_backfill("message")

    def _note_direct_gap(self, message: discord.Message) -> None:
        """Keep where a direct chat must be read again: no backfill knows the chat of somebody new."""
        if message.channel.id in self._direct_gaps:
            return
        if len(self._direct_gaps) >= MAX_DIRECT_GAPS:
            log.error("direct_message_dropped", extra={"delivery_id": str(message.id)})
            return
        self._direct_gaps[message.channel.id] = message.id - 1
        if len(self._direct_gaps) == 1:
            self._put_late_backfill("direct")

    def _put_edit(self, edit: discord.Message) -> None:
        waiting, lost = self._changes.add_edit(edit)
        if waiting:
            self._put(QueuedEvent(str(edit.id), partial(self._edit, edit.id, waiting), "edit"))
        if lost:
            log.warning("edits_dropped", extra={"edits": lost})
            self._look_again()

    def _put_deletions(self, channel_id: int, guild_id: int | None, ids: set[int]) -> None:
        waiting, lost = self._changes.add_deletions(channel_id, guild_id, ids)
        if waiting:
            self._put(QueuedEvent(str(min(ids)), partial(self._remove, waiting), "deletions"))
        if lost:
            log.warning("deletions_dropped", extra={"deletions": lost})
            self._look_again()

    def _put_reaction(self, reaction: ReactionEvent) -> None:
        """Queue a reaction; beyond the bound it is dropped, since nobody waits for an answer to it."""
        if self._counts["reaction"] < MAX_REACTIONS:
            react = partial(self._inbound.react, reaction)
            self._put(QueuedEvent(str(reaction.message_id), react, "reaction"))

    def _put_other(self, item: QueuedEvent) -> None:
        """Queue an event that the log tells of already; beyond the bound it is dropped."""
        if self._counts["other"] < MAX_OTHERS:
            self._put(item)
        else:
            log.error("event_dropped", extra={"delivery_id": item.delivery_id})

    def _look_again(self) -> None:
        """Have the newest messages of the places compared with memory, behind all that waits."""
        if not self._must_look:
            self._must_look = True
            self._put(QueuedEvent("backfill", self._backfill, "backfill"))

    def _put_late_backfill(self, kind: EventKind) -> None:
        """Queue a backfill behind the messages that did fit."""
        log.warning("event_queue_full", extra={"waiting": self._counts[kind]})
        self._put(QueuedEvent("backfill", self._backfill, "backfill"))

    def _put(self, item: QueuedEvent) -> None:
        self._counts[item.kind] += 1
        self._waiting.append(item)
        self._arrived.set()

    async def _receive(self, message_id: int, waiting: WaitingMessage) -> None:
        self._changes.take_message(message_id)
        if waiting.message:
            await self._inbound.receive(waiting.message)

    async def _edit(self, message_id: int, waiting: WaitingMessage) -> None:
        self._changes.take_edit(message_id, waiting)
        if waiting.message:
            await self._inbound.edit(waiting.message)

    async def _remove(self, waiting: WaitingDeletions) -> None:
        self._changes.take_deletions(waiting)
        await self._inbound.remove(waiting.channel_id, waiting.guild_id, waiting.ids)

    async def _backfill(self) -> None:
        gaps, self._direct_gaps = self._direct_gaps, {}
        self._has_overflowed = self._must_look = False
        await self._run_backfill(gaps)

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
