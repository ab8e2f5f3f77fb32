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
from bot.platforms.telegram.api import CallRefused
from bot.platforms.telegram.entities import EntityText, entity_text
from bot.platforms.telegram.sender import TelegramSender, is_about_chat, is_about_formats, is_group, parse_id
from bot.platforms.telegram.text import MAX_MESSAGE, clean_text, name_line, telegram_length
from bot.platforms.telegram.timings import TelegramTimings
from bot.text.formatted_splitting import split_formatted
from bot.text.formatted_text import FormattedText
from bot.text.growing import newest_text
from bot.text.markdown_text import parse_markdown
from bot.text.splitting import utf16_length

log = logging.getLogger(__name__)

_MOST_PREVIEWED = 8000  # characters of a growing answer that are read for a preview
_RESERVED = 8  # messages of a group's minute that are kept for whole answers
_MAX_SHOWN = 1000
_REFUSED = "Telegram did not take an answer of mine here."


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """The edits of an unfinished answer's message in a group, and the earliest time of the next edit."""

    edits: int
    next_edit: float


class TelegramOutlet:
    """Telegram's implementation of the chat's `Outlet`.

    Text with entities; drafts in private chats; in groups a message with few edits.
    """

    for_owner = False

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

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        return self._parts(parse_markdown(clean_text(text)), place, persona)

    def _parts(self, whole: FormattedText, place: Place, persona: Persona) -> Sequence[FormattedText]:
        room = MAX_MESSAGE - utf16_length(self._name_line(place, persona))
        return split_formatted(whole, room, telegram_length)

    def _growing_parts(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        return self._parts(parse_markdown(clean_text(text), is_growing=True), place, persona)

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
        parts = self._growing_parts(newest_text(text, _MOST_PREVIEWED), place, persona)
        if not parts:
            return
        await self._typing.stop(place)
        if place not in self._drafts and len(self._drafts) >= _MAX_SHOWN:
            self._drafts.clear()
        draft = self._drafts.setdefault(place, next(self._draft_ids))
        try:
            await self._send_draft(place, draft, entity_text(parts[-1]))
        except DeliveryRefused:
            if len(self._without_drafts) >= _MAX_SHOWN:  # asked again, one call a chat
                self._without_drafts.clear()
            self._without_drafts.add(place.chat)

    async def _send_draft(self, place: Place, draft: int, text: EntityText) -> None:
        """Send a draft; without formats where Telegram refuses those."""
        thread, entities = parse_id(place.thread), text.entities
        sending = self._sender.bot.send_message_draft(
            int(place.chat), draft, text.text, message_thread_id=thread, entities=entities
        )
        try:
            await self._sender.call(place, sending)
        except CallRefused as refusal:
            if not entities or not is_about_formats(refusal):
                raise
            await self._send_draft(place, draft, text.plain())

    async def _show_in_group(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show an answer's beginning in a message, with a doubled wait before each edit, within the rate."""
        place, now = draft.place, self._clock()
        shown = self._shown.get(draft.key, ShownAnswer(0, now))
        if now < shown.next_edit or not self._sender.can_spare(place, _RESERVED):
            return draft.sent_id
        parts = self._growing_parts(text[:_MOST_PREVIEWED], place, persona)
        if not parts:
            return draft.sent_id
        await self._typing.stop(place)
        if len(self._shown) >= _MAX_SHOWN:  # entries of withdrawn answers
            self._shown.clear()
        self._shown[draft.key] = ShownAnswer(
            shown.edits + 1, now + self._timings.edit_interval * 2**shown.edits
        )
        return await self._edit_or_send(draft, entity_text(parts[0], self._name_line(place, persona)))

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        await self._typing.stop(outgoing.place)
        self._drafts.pop(outgoing.place, None)
        self._shown.pop(outgoing.key, None)
        name = self._name_line(outgoing.place, None if outgoing.part else persona)
        content = FormattedText(outgoing.text, outgoing.spans)
        content = content if content.spans else FormattedText(clean_text(outgoing.text))
        try:
            return await self._edit_or_send(outgoing, entity_text(content, name))
        except CallRefused as refusal:
            if persona and not is_about_chat(refusal):
                await self._tell_refused(outgoing.place)
            raise

    async def _tell_refused(self, place: Place) -> None:
        """Tell people that an answer was refused, where the chat takes that."""
        try:
            await self._sender.send(place, entity_text(FormattedText(_REFUSED)), silent=True)
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("notice_failed", extra={"place": str(place), "reason": str(error)})

    async def _edit_or_send(self, outgoing: Outgoing, text: EntityText) -> str:
        """Edit the message that shows the part already, or send a message in its stead."""
        sent_id, place = parse_id(outgoing.sent_id), outgoing.place
        if sent_id and await self._sender.edit(place, sent_id, text):
            return str(sent_id)
        reply_to = parse_id(outgoing.reply_to) if is_group(place) and not outgoing.part else None
        new_id = await self._sender.send(place, text, reply_to)
        if outgoing.sent_id:
            await self.remove(place, [outgoing.sent_id])
        return new_id

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        try:
            await self._sender.delete(place, [found for sent_id in sent_ids if (found := parse_id(sent_id))])
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("delete_failed", extra={"place": str(place), "reason": str(error)})

    def _name_line(self, place: Place, persona: Persona | None) -> str:
        """Return the line with the persona's name, where several personas share a group."""
        several = is_group(place) and len(self._chat.cast.personas) > 1
        return name_line(persona.name) if persona and several else ""
