"""Persona answers on Discord: drafts as edits of one message, each part sent once, in the persona's name."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import replace

import discord

from bot.chat.delivery import DeliveryRefused, MessageDeleted, RetryLater
from bot.chat.typing_indicator import TypingIndicator
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import API_ERRORS, ApiCalls, delivery_error
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.part_sender import PartSender
from bot.platforms.discord.refusals import Remedy, refusal_of
from bot.platforms.discord.senders import channel_of, name_line
from bot.platforms.discord.sent_lookup import SentLookup
from bot.platforms.discord.thread_fallback import ThreadFallback
from bot.platforms.discord.webhooks import Webhooks
from bot.text.discord_markdown import format_for_discord
from bot.text.formatted_text import FormattedText
from bot.text.splitting import split_message, utf16_length
from bot.text.visibility import is_visible

log = logging.getLogger(__name__)

_MOST_PREVIEWED = 8000  # characters of a growing reply that are read: its preview is its first message
MAX_MESSAGE = 2000  # characters of a message, counted in UTF-16 units, which are never fewer
_BLOCKED = "A filter of this server does not let the answer through."
_MAX_SHOWN = 256  # drafts in `_shown`


class DiscordOutlet:
    """Discord's implementation of the chat's `Outlet`."""

    for_owner = False

    def __init__(self, client: Gateway, calls: ApiCalls, webhooks: Webhooks, memory: Memory) -> None:
        self._client, self._calls, self._webhooks = client, calls, webhooks
        self._sent_lookup = SentLookup(client, calls, webhooks, memory)
        self._threads = ThreadFallback(client, calls)
        self._parts = PartSender(client, calls, webhooks, self._sent_lookup, self._threads)
        self._typing = TypingIndicator(self._show_typing)
        self._told_blocked: dict[Place, str | None] = {}  # the message whose answer was blocked last
        self._shown: dict[str, str] = {}  # the newest text shown of a draft, by outbox key

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        return [FormattedText(part) for part in self._split(format_for_discord(text), persona)]

    def _split(self, text: str, persona: Persona) -> list[str]:
        """Return the parts of a text, with room for a name line: a later sender may need one."""
        limit = MAX_MESSAGE - utf16_length(name_line(self._client, persona.name))
        parts = (part.text_to_send for part in split_message(text, limit, utf16_length))
        return [part for part in parts if is_visible(part)]

    def pace(self, place: Place) -> float:
        return self._calls.timings.edit_interval

    def stays(self, place: Place) -> bool:
        return True

    def typing(self, place: Place, persona: Persona) -> AbstractAsyncContextManager[None]:
        """Show typing at once and until something of the answer is visible."""
        return self._typing.shown(place)

    async def _show_typing(self, place: Place) -> float | None:
        """Show typing once; return None where the channel refuses it."""
        try:
            await self._calls.make_call(_trigger_typing(channel_of(self._client, place)))
        except discord.Forbidden:
            return None
        except API_ERRORS as error:
            log.debug("typing_failed", extra={"place": str(place), "error": type(error).__name__})
        return self._calls.timings.typing_interval

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the first message of an unfinished answer."""
        await self._typing.stop(draft.place)
        draft = self._threads.in_open_place(draft)
        shown = self._split(format_for_discord(text[:_MOST_PREVIEWED], is_growing=True), persona)
        if not shown or self._shown.get(draft.key) == shown[0]:
            return draft.sent_id
        text = shown[0]
        with _delivery_errors(self._calls):
            existing_id = (
                await self._sent_lookup.find_sent(draft, persona, text)
                if self._may_be_shown(draft)
                else draft.sent_id
            )
            self._remember_shown(draft.key, text)
            return await self._parts.edit_or_send(draft, persona, text, existing_id)

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Send one part, as an edit of the message that shows the part already, or as a new message."""
        await self._typing.stop(outgoing.place)
        if not is_visible(outgoing.text):
            raise DeliveryRefused("there are no words to send")
        outgoing = self._threads.in_open_place(outgoing)
        with _delivery_errors(self._calls):
            existing_id = outgoing.sent_id
            if existing_id is None and (outgoing.state == "sending" or outgoing.attempts):
                existing_id = await self._sent_lookup.find_sent(outgoing, persona, outgoing.text)
            try:
                sent_id = await self._parts.edit_or_send(outgoing, persona, outgoing.text, existing_id)
            except discord.HTTPException as error:
                if refusal_of(error).remedy is Remedy.TELL_BLOCKED:
                    await self._tell_blocked(outgoing)
                raise
        self._shown.pop(outgoing.key, None)
        return sent_id

    async def _tell_blocked(self, outgoing: Outgoing) -> None:
        """Tell people, once for each answer and in words that no filter minds, that a filter refuses it."""
        place = outgoing.place
        if self._told_blocked.get(place, "") == outgoing.reply_to:
            return
        if len(self._told_blocked) >= _MAX_SHOWN:
            self._told_blocked.clear()
        self._told_blocked[place] = outgoing.reply_to
        with suppress(*API_ERRORS):
            await self._parts.edit_or_send(replace(outgoing, key="", part=0), None, _BLOCKED, None)

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Delete messages; a message that cannot be deleted stays."""
        place = self._threads.open_place(place)
        for sent_id in sent_ids:
            try:
                sender = await self._sent_lookup.sender_of(place, sent_id)
                if sender:
                    await sender.delete(sent_id)
            except MessageDeleted:
                continue
            except API_ERRORS as error:
                log.info("delete_failed", extra={"place": str(place), "error": type(error).__name__})

    def _may_be_shown(self, draft: Outgoing) -> bool:
        """Return whether an earlier process, or a withdrawn attempt, may have shown the draft."""
        return draft.sent_id is None and draft.attempts > 0 and draft.key not in self._shown

    def _remember_shown(self, key: str, text: str) -> None:
        self._shown[key] = text
        while len(self._shown) > _MAX_SHOWN:
            del self._shown[next(iter(self._shown))]


async def _trigger_typing(channel: discord.PartialMessageable) -> None:
    await channel.typing()


@contextmanager
def _delivery_errors(calls: ApiCalls) -> Iterator[None]:
    """Raise every error inside as `RetryLater` or `DeliveryRefused`."""
    try:
        yield
    except API_ERRORS as error:
        raise delivery_error(error, calls.timings) from error
    except UserError as error:  # memory cannot be read now
        raise RetryLater(str(error)) from error
    except (RetryLater, DeliveryRefused):
        raise
    except Exception as error:
        log.exception("send_failed")
        raise delivery_error(error, calls.timings) from error
