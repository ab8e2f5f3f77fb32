"""What personas say, on its way to Telegram."""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.chat.chat import Chat
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.telegram.sender import Sender, Words, is_group, number
from bot.platforms.telegram.text import LIMIT, harmless, name_line, telegram_length
from bot.platforms.telegram.timing import Timing
from bot.text.splitting import split_message, utf16_length

log = logging.getLogger(__name__)

_KEPT = 8  # messages of a group's minute that only whole answers may use
_MOST_GROWING = 1000


@dataclass(frozen=True, slots=True)
class Growth:
    """How often an answer has been shown in a group, and when it may be again."""

    shown: int
    due: float


class TelegramOutlet:
    """Answers as Telegram's messages: plain text, drafts in private chats, few edits in groups."""

    marks = False

    def __init__(
        self, sender: Sender, chat: Chat, timing: Timing, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sender, self._chat, self._timing, self._clock = sender, chat, timing, clock
        self._draft_ids = itertools.count(1)
        self._drafts: dict[Place, int] = {}
        self._without_drafts: set[str] = set()
        self._growing: dict[str, Growth] = {}

    def limit(self, place: Place, persona: Persona | None) -> int | None:
        return LIMIT - utf16_length(self._name(place, persona))

    def measure(self, text: str) -> int:
        return telegram_length(text)

    def pace(self, place: Place) -> float:
        return self._timing.grow if is_group(place) else self._timing.draft

    def stays(self, place: Place) -> bool:
        return is_group(place)

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        task = asyncio.create_task(self._type(place))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _type(self, place: Place) -> None:
        """Show typing until cancelled, or until the chat does not want it."""
        bot, thread = self._sender.bot, number(place.thread)
        while True:
            action = bot.send_chat_action(int(place.chat), "typing", message_thread_id=thread)
            try:
                await self._sender.call(place, action)
            except RetryLater as error:
                await asyncio.sleep(error.seconds)
            except (DeliveryRefused, ChatMoved):
                return
            await asyncio.sleep(self._timing.typing)

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        if is_group(draft.place):
            return await self._grow(draft, persona, text)
        await self._show_draft(draft.place, persona, text)
        return None

    async def _show_draft(self, place: Place, persona: Persona, text: str) -> None:
        """A preview that only its reader sees, under an id that stays until the answer is sent."""
        if place.chat in self._without_drafts or not self._sender.is_open(place):
            return
        draft = self._drafts.setdefault(place, next(self._draft_ids))
        shown, thread = harmless(self._parts(place, persona, text)[-1]), number(place.thread)
        showing = self._sender.bot.send_message_draft(int(place.chat), draft, shown, message_thread_id=thread)
        try:
            await self._sender.call(place, showing)
        except DeliveryRefused:
            self._without_drafts.add(place.chat)

    async def _grow(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the beginning of an answer in a message, ever more rarely, while the group bears it."""
        place, now = draft.place, self._clock()
        growth = self._growing.get(draft.key, Growth(0, now))
        if now < growth.due or not self._sender.can_spare(place, _KEPT):
            return draft.sent_id
        if len(self._growing) >= _MOST_GROWING:  # answers that were taken back
            self._growing.clear()
        self._growing[draft.key] = Growth(growth.shown + 1, now + self._timing.grow * 2**growth.shown)
        return await self._put(draft, self._words(self._parts(place, persona, text)[0], place, persona))

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        self._drafts.pop(outgoing.place, None)
        self._growing.pop(outgoing.key, None)
        speaker = None if outgoing.part else persona
        return await self._put(outgoing, self._words(outgoing.text, outgoing.place, speaker))

    async def _put(self, outgoing: Outgoing, words: Words) -> str:
        """Change the message that stands there for it, or send one."""
        sent_id, place = number(outgoing.sent_id), outgoing.place
        if sent_id and await self._sender.edit(place, sent_id, words):
            return str(sent_id)
        reply_to = number(outgoing.reply_to) if is_group(place) and not outgoing.part else None
        return await self._sender.say(place, words, reply_to)

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        try:
            await self._sender.delete(place, [found for sent_id in sent_ids if (found := number(sent_id))])
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("old messages stay", extra={"place": str(place), "reason": str(error)})

    def _parts(self, place: Place, persona: Persona, text: str) -> list[str]:
        return [
            part.text_to_send
            for part in split_message(text, self.limit(place, persona), telegram_length, marks=False)
        ]

    def _words(self, text: str, place: Place, persona: Persona | None) -> Words:
        name = self._name(place, persona)
        return Words(name + harmless(text), utf16_length(name.rstrip()))

    def _name(self, place: Place, persona: Persona | None) -> str:
        """The name line, where there are several who could speak."""
        several = is_group(place) and len(self._chat.cast.personas) > 1
        return name_line(persona.name) if persona and several else ""
