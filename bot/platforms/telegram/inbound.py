"""Inbound updates: stored, run once, or recorded as dead letters before they are acknowledged."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.chat.chat import Chat
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Message, Place, check_text
from bot.platforms.telegram.commands import TelegramCommandHandler
from bot.platforms.telegram.events import (
    BotAccount,
    ButtonEvent,
    CommandEvent,
    CorrectedEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    MembershipEvent,
    MessageEvent,
    MigrationEvent,
    MistypedEvent,
    NoticeEvent,
    ReactionEvent,
)
from bot.platforms.telegram.sender import is_group
from bot.platforms.telegram.translate import PLATFORM, UnreadableUpdate, parse_update
from bot.text.cut_text import cut_text

log = logging.getLogger(__name__)

_MAX_DONE = (
    200  # commands and presses; after a crash Telegram resends at most 100 updates (Bot API, getUpdates)
)
_ABSENT = ("left", "kicked")


class InboundUpdates:
    """Takes one update after another. Raises `UserError` where memory cannot store an update."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        account: BotAccount,
        commands: TelegramCommandHandler,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._chat, self._memory = chat, memory
        self._account, self._commands, self._clock = account, commands, clock
        self._scope = f"{PLATFORM}/{account.account}"

    async def take(self, update: Mapping[str, object]) -> None:
        """Handle an update; the update may be acknowledged when this returns."""
        try:
            event = parse_update(update, self._account)
            await self._handle(event, str(update["update_id"]))
        except UnreadableUpdate as error:
            await self._dead_letter(update, str(error))
        except UserError:
            raise
        except Exception as error:
            log.exception("update_failed", extra={"update": update.get("update_id")})
            await self._dead_letter(update, type(error).__name__)

    async def _handle(self, event: Event, delivery_id: str) -> None:
        match event:
            case MessageEvent(message):
                await self._receive(message, delivery_id)
            case EditEvent(message):
                edited = replace(message, text=self._truncate(message.text))
                await self._chat.edit(edited, is_seen=message.address == "direct")
            case NoticeEvent(notices, kind):
                for notice in notices:
                    await self._chat.record(notice, kind)
            case ReactionEvent():
                await self._record_reaction(event)
            case CommandEvent():
                await self._run_command(event)
            case MistypedEvent(chat_id, id):
                await self._is_new(_unknown(chat_id, id))
            case CorrectedEvent(command):
                if await self._is_done(_unknown(command.invoker.chat_id, command.id)):
                    await self._run_command(command)
            case ButtonEvent():
                place = Place(PLATFORM, self._account.account, str(event.invoker.chat_id))
                if await self._is_new(f"press/{event.id}"):
                    self._commands.press_button(event, place)
            case MigrationEvent(old, new):
                await self._move_chat(old, new)
            case MembershipEvent():
                self._handle_membership(event)
            case IgnoredEvent(reason):
                log.debug("update_ignored", extra={"update": delivery_id, "reason": reason})

    async def _receive(self, message: Message, delivery_id: str) -> None:
        try:
            words = "\n".join((message.text, *(each.text for each in message.quotations)))
            check_text(words.strip("\n"), self._chat.settings.message_characters)
        except UserError as error:
            await self._memory.dead_letter(PLATFORM, self._account.account, delivery_id, str(error))
            if message.address and not message.author.is_bot:
                self._commands.send_notice(message.place, str(error), message.id)
            return
        await self._chat.receive(message)

    async def _record_reaction(self, event: ReactionEvent) -> None:
        """Record a person's reactions to the persona's words; Telegram tells the chat, but not the thread."""
        if not self._chat.wants_notices("reactions"):
            return
        account = self._account.account
        place = await self._memory.place_of_sent(PLATFORM, account, str(event.chat_id), event.message_id)
        if place is None:
            return
        notice = event.notice(place)
        await self._chat.remove(place, notice.id)
        if event.emoji:
            await self._chat.record(notice, "reactions")

    def _truncate(self, text: str) -> str:
        """Return an edit's text, cut to the longest message."""
        return cut_text(text, self._chat.settings.message_characters)

    async def _run_command(self, event: CommandEvent) -> None:
        """Run a command at most once: a second post harms more than a command that its user must repeat.

        A mistyped one that an edit corrects is run once, too. An edit makes no command of other words, which
        may be old and others' by now.
        """
        chat_id = event.invoker.chat_id
        name = f"{chat_id}/{event.id}" if event.is_known else _unknown(chat_id, event.id)
        if self._clock() - event.time > self._chat.settings.oldest:
            log.info("command_expired", extra={"place": str(event.place)})
        elif await self._is_new(name):
            self._commands.run_command(event)

    async def _is_new(self, name: str) -> bool:
        """Return whether no process has handled this name before; the name counts as handled from now on.

        Names are kept in memory's file alone: `data forget` takes those of a person out of it.
        """
        done = await self._read_done()
        if name in done:
            return False
        await self._memory.set_platform_state(self._scope, "done", " ".join([*done, name][-_MAX_DONE:]))
        return True

    async def _is_done(self, name: str) -> bool:
        """Return whether a process has handled this name."""
        return name in await self._read_done()

    async def _read_done(self) -> list[str]:
        return (await self._memory.platform_state(self._scope)).get("done", "").split()

    async def _move_chat(self, old: Place, new: Place) -> None:
        log.warning("chat_moved", extra={"place": str(old), "to": str(new)})
        if self._chat.worker(old).busy:
            self._commands.move_chat(old, new)
        else:
            await self._chat.move(old, new)

    def _handle_membership(self, event: MembershipEvent) -> None:
        """Log that the bot was added or removed, and greet a new group."""
        was, now = event.old not in _ABSENT, event.new not in _ABSENT
        group = is_group(event.place)
        if was and not now:
            remedy = f"to erase what was said there, run python -m bot data forget --place {event.place}"
            log.warning(
                "removed_from_group" if group else "blocked_by_user",
                extra={"place": str(event.place), "remedy": remedy},
            )
        elif now and not was:
            log.info("added_to_group" if group else "unblocked_by_user", extra={"place": str(event.place)})
            if group:
                self._commands.greet(event.place, event.changed_by)

    async def _dead_letter(self, update: Mapping[str, object], reason: str) -> None:
        delivery_id = str(update.get("update_id"))
        log.warning("update_unreadable", extra={"update": delivery_id, "reason": reason})
        await self._memory.dead_letter(PLATFORM, self._account.account, delivery_id, reason)


def _unknown(chat_id: int, id: str) -> str:
    """Return the name of a message whose command was not known."""
    return f"{chat_id}/{id}/unknown"
