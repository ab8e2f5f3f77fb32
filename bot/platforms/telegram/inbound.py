"""What comes of each update before it may be acknowledged: kept, done once, or buried."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

from bot.chat.chat import Chat
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Message, Place, check_text
from bot.platforms.telegram.commands import CommandHandler
from bot.platforms.telegram.events import (
    ButtonEvent,
    CommandEvent,
    EditEvent,
    Event,
    IgnoredEvent,
    Me,
    MembershipEvent,
    MessageEvent,
    MigrationEvent,
)
from bot.platforms.telegram.sender import is_group
from bot.platforms.telegram.translate import PLATFORM, Unreadable, read

log = logging.getLogger(__name__)

_REMEMBERED = 200  # commands; Telegram brings at most 100 updates again after a crash (Bot API, getUpdates)
_OUT = ("left", "kicked")


class InboundUpdates:
    """Takes one update after the other. Raises `UserError` where memory cannot keep what must be kept."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        me: Me,
        errands: CommandHandler,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._chat, self._memory = chat, memory
        self._me, self._errands, self._clock = me, errands, clock
        self._done: deque[str] | None = None

    async def take(self, update: Mapping[str, object]) -> None:
        """Once this returns, the update may be acknowledged."""
        try:
            event = read(update, self._me)
            await self._heed(event, str(update["update_id"]))
        except Unreadable as error:
            await self._bury(update, str(error))
        except UserError:
            raise
        except Exception as error:
            log.exception("an update failed", extra={"update": update.get("update_id")})
            await self._bury(update, type(error).__name__)

    async def _heed(self, event: Event, letter: str) -> None:
        match event:
            case MessageEvent(message):
                await self._receive(message, letter)
            case EditEvent(place, message_id, text):
                await self._chat.edit(place, message_id, self._short(text))
            case CommandEvent():
                await self._ask(event)
            case ButtonEvent():
                place = Place(PLATFORM, self._me.account, str(event.asker.chat))
                if await self._is_new(f"press/{event.id}"):
                    self._errands.press(event, place)
            case MigrationEvent(old, new):
                await self._move(old, new)
            case MembershipEvent():
                self._note(event)
            case IgnoredEvent(reason):
                log.debug("an update is left alone", extra={"update": letter, "reason": reason})

    async def _receive(self, message: Message, letter: str) -> None:
        try:
            check_text(message.text, self._chat.settings.message_characters)
        except UserError as error:
            await self._memory.dead_letter(PLATFORM, self._me.account, letter, str(error))
            if message.address and not message.author.is_bot:
                self._errands.tell(message.place, str(error), message.id)
            return
        await self._chat.receive(message)

    def _short(self, text: str) -> str:
        """An edit's words as far as a message may have them."""
        return text[: self._chat.settings.message_characters]

    async def _ask(self, asked: CommandEvent) -> None:
        """A command is done at most once: nobody wants a post twice, and whoever misses one asks again."""
        if self._clock() - asked.time > self._chat.settings.oldest:
            log.info("a command came too late", extra={"place": str(asked.place)})
        elif await self._is_new(f"{asked.asker.chat}/{asked.id}"):
            self._errands.ask(asked)

    async def _is_new(self, name: str) -> bool:
        """Whether this was not done before, by an earlier process either; it counts as done from now on."""
        scope = f"{PLATFORM}/{self._me.account}"
        if self._done is None:
            stored = (await self._memory.settings(scope)).get("done", "")
            self._done = deque(stored.split(), maxlen=_REMEMBERED)
        if name in self._done:
            return False
        done = deque((*self._done, name), maxlen=_REMEMBERED)
        await self._memory.set_setting(scope, "done", " ".join(done))
        self._done = done
        return True

    async def _move(self, old: Place, new: Place) -> None:
        log.warning("a chat has moved", extra={"place": str(old), "to": str(new)})
        if self._chat.worker(old).busy:
            self._errands.move(old, new)
        else:
            await self._chat.move(old, new)

    def _note(self, standing: MembershipEvent) -> None:
        """Say in the log where the bot is let in and where not, and greet a group that is new."""
        was, now = standing.old not in _OUT, standing.new not in _OUT
        group = is_group(standing.place)
        if was and not now:
            log.warning("put out" if group else "blocked", extra={"place": str(standing.place)})
        elif now and not was:
            log.info("let in", extra={"place": str(standing.place)})
            if group:
                self._errands.greet(standing.place, standing.by)

    async def _bury(self, update: Mapping[str, object], reason: str) -> None:
        letter = str(update.get("update_id"))
        log.warning("an update cannot be read", extra={"update": letter, "reason": reason})
        await self._memory.dead_letter(PLATFORM, self._me.account, letter, reason)
