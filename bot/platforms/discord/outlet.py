"""Persona answers on Discord: drafts as edits of one message, each part sent once, in the persona's name."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import discord

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import (
    API_ERRORS,
    NOT_THE_AUTHOR,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    ApiCalls,
    delivery_error,
    has_error_code,
)
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import AccountSender, Sender, channel_of, name_line
from bot.platforms.discord.sent_lookup import SentLookup
from bot.platforms.discord.webhooks import Webhooks
from bot.text.discord_markdown import format_for_discord
from bot.text.formatted_text import FormattedText
from bot.text.splitting import split_message, utf16_length
from bot.text.visibility import is_visible

log = logging.getLogger(__name__)

MAX_MESSAGE = 2000  # characters of a message, counted in UTF-16 units, which are never fewer
_NOT_EDITABLE = (UNKNOWN_MESSAGE, NOT_THE_AUTHOR, UNKNOWN_WEBHOOK)
_MAX_SHOWN = 256  # drafts in `_shown`


class DiscordOutlet:
    """Discord's implementation of the chat's `Outlet`."""

    for_owner = False

    def __init__(self, client: Gateway, calls: ApiCalls, webhooks: Webhooks, memory: Memory) -> None:
        self._client, self._calls, self._webhooks = client, calls, webhooks
        self._sent_lookup = SentLookup(client, calls, webhooks, memory)
        self._shown: dict[str, str] = {}  # the newest text shown of a draft, by outbox key

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        return [FormattedText(part) for part in self._parts(format_for_discord(text), persona)]

    def _parts(self, text: str, persona: Persona) -> list[str]:
        """Return the parts of a text, with room for a name line: a later sender may need one."""
        limit = MAX_MESSAGE - utf16_length(name_line(self._client, persona.name))
        parts = (part.text_to_send for part in split_message(text, limit, utf16_length))
        return [part for part in parts if is_visible(part)]

    def pace(self, place: Place) -> float:
        return self._calls.timings.edit_interval

    def stays(self, place: Place) -> bool:
        return True

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        """Show typing at once and until the context ends; nothing waits for the call."""
        task = asyncio.create_task(self._keep_typing(place))
        try:
            yield
        finally:
            task.cancel()

    async def _keep_typing(self, place: Place) -> None:
        channel = channel_of(self._client, place)
        while True:
            try:
                await self._calls.make_call(_trigger_typing(channel))
            except API_ERRORS as error:
                log.debug("typing_failed", extra={"place": str(place), "error": type(error).__name__})
            await asyncio.sleep(self._calls.timings.typing_interval)

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the first message of an unfinished answer."""
        shown = self._parts(format_for_discord(text, is_growing=True), persona)
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
            return await self._edit_or_send(draft, persona, text, existing_id)

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Send one part, as an edit of the message that shows the part already, or as a new message."""
        if not is_visible(outgoing.text):
            raise DeliveryRefused("there are no words to send")
        with _delivery_errors(self._calls):
            existing_id = outgoing.sent_id
            if existing_id is None and (outgoing.state == "sending" or outgoing.attempts):
                existing_id = await self._sent_lookup.find_sent(outgoing, persona, outgoing.text)
            sent_id = await self._edit_or_send(outgoing, persona, outgoing.text, existing_id)
        self._shown.pop(outgoing.key, None)
        return sent_id

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Delete messages; a message that cannot be deleted stays."""
        for sent_id in sent_ids:
            try:
                sender = await self._sent_lookup.sender_of(place, sent_id)
                if sender:
                    await sender.delete(sent_id)
            except API_ERRORS as error:
                log.info("delete_failed", extra={"place": str(place), "error": type(error).__name__})

    def _may_be_shown(self, draft: Outgoing) -> bool:
        """Return whether an earlier process, or a withdrawn attempt, may have shown the draft."""
        return draft.sent_id is None and draft.attempts > 0 and draft.key not in self._shown

    def _remember_shown(self, key: str, text: str) -> None:
        self._shown[key] = text
        while len(self._shown) > _MAX_SHOWN:
            del self._shown[next(iter(self._shown))]

    async def _edit_or_send(
        self, outgoing: Outgoing, persona: Persona | None, text: str, existing_id: str | None
    ) -> str:
        """Edit or send the message; by the bot's account, where a webhook is unknown twice."""
        name = persona.name if persona else None
        for _ in range(2):
            sender = await self._choose_sender(outgoing.place, persona)
            try:
                return await self._send_as(sender, outgoing, text, existing_id, name)
            except discord.HTTPException as error:
                if isinstance(sender, AccountSender) or not has_error_code(error, UNKNOWN_WEBHOOK):
                    raise
                self._webhooks.forget(int(outgoing.place.chat))
        account = AccountSender(self._client, self._calls, outgoing.place, name)
        return await self._send_as(account, outgoing, text, existing_id, name)

    async def _choose_sender(self, place: Place, persona: Persona | None) -> Sender:
        webhook = await self._webhooks.find_sender(place, persona) if persona else None
        return webhook or AccountSender(self._client, self._calls, place, persona.name if persona else None)

    async def _send_as(
        self, sender: Sender, outgoing: Outgoing, text: str, existing_id: str | None, name: str | None
    ) -> str:
        nonce = outgoing.key
        if existing_id is not None:
            if await self._edit(sender, outgoing, existing_id, text, name):
                return existing_id
            nonce += "a"  # the message with the first nonce was deleted
        content, reply_to = sender.format(text), outgoing.reply_to if outgoing.part == 0 else None
        try:
            sent = await sender.send(content, nonce or None, reply_to)
        except discord.NotFound as error:
            if not has_error_code(error, UNKNOWN_MESSAGE):
                raise
            sent = await sender.send(content, f"{nonce}b" if nonce else None, reply_to)
        if sent.text.strip() != content.strip():  # Discord knew the nonce and returned the earlier message
            await sender.edit(sent.id, content)
        return sent.id

    async def _edit(
        self, sender: Sender, outgoing: Outgoing, message_id: str, text: str, name: str | None
    ) -> bool:
        """Edit a message, whichever sender wrote it; return False for a deleted or uneditable message."""
        try:
            await sender.edit(message_id, sender.format(text))
        except discord.HTTPException as error:
            if not has_error_code(error, *_NOT_EDITABLE):
                raise
            return await self._edit_as_author(outgoing.place, message_id, text, name)
        return True

    async def _edit_as_author(self, place: Place, message_id: str, text: str, name: str | None) -> bool:
        author = await self._sent_lookup.sender_of(place, message_id, name)
        try:
            if author is not None:
                await author.edit(message_id, author.format(text))
                return True
        except discord.HTTPException as error:
            if not has_error_code(error, *_NOT_EDITABLE):
                raise
        await self._delete_as_account(place, message_id)
        return False

    async def _delete_as_account(self, place: Place, message_id: str) -> None:
        """Delete the message of a deleted webhook, where the account may."""
        with suppress(discord.HTTPException):
            await AccountSender(self._client, self._calls, place, None).delete(message_id)


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
