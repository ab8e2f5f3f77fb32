"""Persona answers on Telegram."""

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bot.chat.chat import Chat
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.chat.typing_indicator import TypingIndicator
from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.telegram.sender import NamedText, TelegramSender, is_group, parse_id
from bot.platforms.telegram.text import MAX_MESSAGE, name_line, sanitize, telegram_length
from bot.platforms.telegram.timings import TelegramTimings
from bot.text.splitting import split_message, utf16_length

log = logging.getLogger(__name__)

_RESERVED = 8  # messages of a group's minute that are kept for whole answers
_MAX_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """The edits of an unfinished answer's message in a group, and the earliest time of the next edit."""

    edits: int
    next_edit: float


class TelegramOutlet:
    """Telegram's implementation of the chat's `Outlet`.

    Plain text; drafts in private chats; in groups a message with few edits.
    """

    for_owner = False
    marks = False

    def __init__(
        self,
        sender: TelegramSender,
        chat: Chat,
        timings: TelegramTimings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sender, self._chat, self._timings, self._clock = sender, chat, timings, clock
        self._typing = TypingIndicator(self._show_typing)
        self._draft_ids = itertools.count(1)
        self._drafts: dict[Place, int] = {}
        self._without_drafts: set[str] = set()
        self._shown: dict[str, ShownAnswer] = {}

    def limit(self, place: Place, persona: Persona | None) -> int | None:
        return MAX_MESSAGE - utf16_length(self._name_line(place, persona))

    def measure(self, text: str) -> int:
        return telegram_length(text)

    def pace(self, place: Place) -> float:
        return self._timings.edit_interval if is_group(place) else self._timings.draft_interval

    def stays(self, place: Place) -> bool:
        return is_group(place)

    def typing(self, place: Place, persona: Persona) -> AbstractAsyncContextManager[None]:
        """Show typing at once and until something of the answer is visible."""
        return self._typing.shown(place)

    async def _show_typing(self, place: Place) -> float | None:
        """Show typing once; return None where the chat refuses it."""
        action = self._sender.bot.send_chat_action(
            int(place.chat), "typing", message_thread_id=parse_id(place.thread)
        )
        try:
            await self._sender.call(place, action)
        except RetryLater as error:
            return error.seconds + self._timings.typing_interval
        except (DeliveryRefused, ChatMoved):
            return None
        return self._timings.typing_interval

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        if is_group(draft.place):
            return await self._show_in_group(draft, persona, text)
        await self._show_draft(draft.place, persona, text)
        return None

    async def _show_draft(self, place: Place, persona: Persona, text: str) -> None:
        """Show a draft, which only the reader of a private chat sees, under one id until the answer."""
        if place.chat in self._without_drafts or not self._sender.is_open(place):
            return
        await self._typing.stop(place)
        if place not in self._drafts and len(self._drafts) >= _MAX_SHOWN:
            self._drafts.clear()
        draft = self._drafts.setdefault(place, next(self._draft_ids))
        text, thread = sanitize(self._parts(place, persona, text)[-1]), parse_id(place.thread)
        call = self._sender.bot.send_message_draft(int(place.chat), draft, text, message_thread_id=thread)
        try:
            await self._sender.call(place, call)
        except DeliveryRefused:
            if len(self._without_drafts) >= _MAX_SHOWN:  # asked again, one call a chat
                self._without_drafts.clear()
            self._without_drafts.add(place.chat)

    async def _show_in_group(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show an answer's beginning in a message, with a doubled wait before each edit, within the rate."""
        place, now = draft.place, self._clock()
        shown = self._shown.get(draft.key, ShownAnswer(0, now))
        if now < shown.next_edit or not self._sender.can_spare(place, _RESERVED):
            return draft.sent_id
        await self._typing.stop(place)
        if len(self._shown) >= _MAX_SHOWN:  # entries of withdrawn answers
            self._shown.clear()
        self._shown[draft.key] = ShownAnswer(
            shown.edits + 1, now + self._timings.edit_interval * 2**shown.edits
        )
        return await self._edit_or_send(
            draft, self._named_text(self._parts(place, persona, text)[0], place, persona)
        )

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        await self._typing.stop(outgoing.place)
        self._drafts.pop(outgoing.place, None)
        self._shown.pop(outgoing.key, None)
        named = None if outgoing.part else persona
        return await self._edit_or_send(outgoing, self._named_text(outgoing.text, outgoing.place, named))

    async def _edit_or_send(self, outgoing: Outgoing, text: NamedText) -> str:
        """Edit the message that shows the part already, or send a message."""
        sent_id, place = parse_id(outgoing.sent_id), outgoing.place
        if sent_id and await self._sender.edit(place, sent_id, text):
            return str(sent_id)
        reply_to = parse_id(outgoing.reply_to) if is_group(place) and not outgoing.part else None
        return await self._sender.send(place, text, reply_to)

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        try:
            await self._sender.delete(place, [found for sent_id in sent_ids if (found := parse_id(sent_id))])
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("delete_failed", extra={"place": str(place), "reason": str(error)})

    def _parts(self, place: Place, persona: Persona, text: str) -> list[str]:
        return [
            part.text_to_send
            for part in split_message(text, self.limit(place, persona), telegram_length, marks=False)
        ]

    def _named_text(self, text: str, place: Place, persona: Persona | None) -> NamedText:
        name = self._name_line(place, persona)
        return NamedText(name + sanitize(text), utf16_length(name.rstrip()))

    def _name_line(self, place: Place, persona: Persona | None) -> str:
        """Return the line with the persona's name, where several personas share a group."""
        several = is_group(place) and len(self._chat.cast.personas) > 1
        return name_line(persona.name) if persona and several else ""
