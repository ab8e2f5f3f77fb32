"""One part of an answer on Discord: edited or sent in the best way that Discord takes."""

import logging
from contextlib import suppress
from dataclasses import replace

import discord

from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import ApiCalls, has_error_code
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.refusals import UNKNOWN_MESSAGE, Remedy, describe_refusal, refusal_of
from bot.platforms.discord.senders import AccountSender, Sender, WebhookSender
from bot.platforms.discord.sent_lookup import SentLookup
from bot.platforms.discord.thread_fallback import ThreadFallback
from bot.platforms.discord.ways import Way, next_way
from bot.platforms.discord.webhooks import Webhooks

log = logging.getLogger(__name__)

_NOT_EDITABLE = (Remedy.SEND_ANEW, Remedy.NEW_WEBHOOK)


class PartSender:
    """Sends parts, and edits those that are shown already. Its calls raise discord.py's errors."""

    def __init__(
        self,
        client: Gateway,
        calls: ApiCalls,
        webhooks: Webhooks,
        sent_lookup: SentLookup,
        threads: ThreadFallback,
    ) -> None:
        self._client, self._calls, self._webhooks = client, calls, webhooks
        self._sent_lookup, self._threads = sent_lookup, threads

    async def edit_or_send(
        self, outgoing: Outgoing, persona: Persona | None, text: str, existing_id: str | None
    ) -> str:
        """Edit or send the message, after each refusal in the next best way, until none is left."""
        way, name = Way(), persona.name if persona else None
        while True:
            sender = await self._choose_sender(outgoing.place, persona, way)
            part = outgoing if way.has_reference else replace(outgoing, reply_to=None)
            try:
                return await self._send_as(sender, part, text, existing_id, name)
            except discord.HTTPException as error:
                found = _way_after(error, way, outgoing, sender)
                if found is None or not await self._prepare(found, way, outgoing.place):
                    raise
                reason = describe_refusal(error)
                log.info("sent_in_another_way", extra={"place": str(outgoing.place), "reason": reason})
            if way.is_in_thread and not found.is_in_thread:
                existing_id = None  # the words that the thread shows already stay there
            way, outgoing = found, self._threads.in_open_place(outgoing)

    async def _prepare(self, way: Way, before: Way, place: Place) -> bool:
        """Prepare a way; return False where it cannot be taken."""
        if way.has_new_webhook and not before.has_new_webhook:
            self._webhooks.forget(int(place.chat))
        elif before.is_in_thread and not way.is_in_thread:
            return await self._threads.close(place)
        elif before.may_reopen_thread and not way.may_reopen_thread:
            await self._threads.reopen(place)
        return True

    async def _choose_sender(self, place: Place, persona: Persona | None, way: Way) -> Sender:
        may_be = persona is not None and way.may_use_webhook
        webhook = await self._webhooks.find_sender(place, persona) if persona and may_be else None
        return webhook or AccountSender(self._client, self._calls, place, persona.name if persona else None)

    async def _send_as(
        self, sender: Sender, outgoing: Outgoing, text: str, existing_id: str | None, name: str | None
    ) -> str:
        nonce = outgoing.key
        if existing_id is not None:
            if await self._edit(sender, outgoing, existing_id, text, name):
                return existing_id
            nonce += "a"  # the message with the first nonce is another one
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
        """Edit a message, whichever sender wrote it; return False for an uneditable message.

        Raises `MessageDeleted`.
        """
        try:
            await sender.edit(message_id, sender.format(text))
        except discord.HTTPException as error:
            if refusal_of(error).remedy not in _NOT_EDITABLE:
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
            if refusal_of(error).remedy not in _NOT_EDITABLE:
                raise
        await self._delete_as_account(place, message_id)
        return False

    async def _delete_as_account(self, place: Place, message_id: str) -> None:
        """Delete the message of a deleted webhook, where the account may."""
        with suppress(discord.HTTPException):
            await AccountSender(self._client, self._calls, place, None).delete(message_id)


def _way_after(error: discord.HTTPException, way: Way, outgoing: Outgoing, sender: Sender) -> Way | None:
    return next_way(
        way,
        error,
        is_webhook=isinstance(sender, WebhookSender),
        is_reply=outgoing.reply_to is not None,
        is_thread=bool(outgoing.place.thread),
    )
