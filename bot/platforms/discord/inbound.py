"""Inbound messages, edits and deletions, one at a time: into the conversation and its memory."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import discord

from bot.chat.chat import Chat
from bot.memory.store import Memory
from bot.message import Address, Author, Message, Place, Quotation
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.channels import Channels
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.notices import ReactionEvent, reaction_id, reaction_notice, system_notice
from bot.platforms.discord.quotations import quotations_of
from bot.platforms.discord.text_files import TextFiles, is_pasted_text
from bot.platforms.discord.translate import (
    Recipient,
    address_of,
    is_proxied,
    is_written,
    message_text,
    to_message,
)
from bot.platforms.discord.webhooks import Webhooks

_MAX_PROXIED = 4096  # channels of which is known whether somebody spoke through a proxy
_COPY = "a proxy's copy of an answered message"


class InboundMessages:
    """Passes messages, edits, deletions and reactions to the chat, all but the account's own."""

    def __init__(
        self,
        client: Gateway,
        chat: Chat,
        memory: Memory,
        calls: ApiCalls,
        channels: Channels,
        webhooks: Webhooks,
        proxies: frozenset[str],
    ) -> None:
        """`proxies` are ids of webhooks, and of applications with webhooks, through which people speak."""
        self._client, self._chat, self._memory, self._calls = client, chat, memory, calls
        self._channels, self._webhooks = channels, webhooks
        self._files = TextFiles(client)
        assert client.user
        self._recipient = Recipient(client.user, chat.settings.message_characters, proxies)
        self._has_proxy: dict[int, bool] = {}  # by channel

    async def receive(self, message: discord.Message) -> None:
        """Receive a message; memory holds the message when this returns."""
        if self._is_own(message):
            return
        place = await self._place_of(message)
        if not is_written(message):
            if notice := system_notice(message, place):
                await self._chat.record(*notice)
            return
        await self._fetch_replied(message, place)
        received = await self._read(message, place, await self._files.read(message.attachments))
        if not received:
            return
        if is_proxied(message, self._recipient) and await self._memory.is_answered_copy(received):
            await self._memory.record(received, _COPY)
        else:
            await self._chat.receive(received, debounce=await self._debounce(message, place))

    async def edit(self, message: discord.Message) -> None:
        """Apply a message's edit. Where a pasted text cannot be read again, the known text stays."""
        if not is_written(message) or self._is_own(message):
            return
        place, file_texts = await self._place_of(message), await self._files.read(message.attachments)
        edited = await self._read(message, place, file_texts)
        if edited and any(is_pasted_text(each) and each.id not in file_texts for each in message.attachments):
            known = await self._memory.find(place, edited.id)
            edited = replace(edited, text=known.text) if known else edited
        if edited:
            await self._chat.edit(edited)

    async def remove(self, channel_id: int, guild_id: int | None, message_ids: set[int]) -> None:
        """Remove deleted messages."""
        place = await self._channels.resolve_place(channel_id, guild_id)
        await self._chat.remove(place, *map(str, sorted(message_ids)))

    async def react(self, event: ReactionEvent) -> None:
        """Record a person's reaction to the persona's words, or remove the reaction that was taken back."""
        is_bot = event.user_id == self._recipient.me.id or (event.member and event.member.bot)
        if is_bot or not self._chat.wants_notices("reactions"):
            return
        place = await self._channels.resolve_place(event.channel_id, event.guild_id)
        if event.event_type == "REACTION_ADD":
            await self._chat.record(await reaction_notice(event, place, self._memory), "reactions")
        else:
            await self._chat.remove(place, reaction_id(event))

    async def _read(
        self, message: discord.Message, place: Place, file_texts: Mapping[int, str]
    ) -> Message | None:
        """Return the chat message; None for a message without a word of anybody."""
        text = message_text(message, self._recipient, file_texts)
        quotations = [
            await self._attributed(each, message, place)
            for each in quotations_of(message, self._recipient, self._is_own)
        ]
        if not text and not any(each.kind == "forward" for each in quotations):
            return None
        address = await self._address_of(message, place)
        return to_message(message, place, text, address, self._recipient, quotations, file_texts)

    async def _attributed(self, quotation: Quotation, message: discord.Message, place: Place) -> Quotation:
        """Return a forward with author and source where memory holds the message; Discord names neither."""
        reference = message.reference
        if quotation.kind != "forward" or reference is None or reference.message_id is None:
            return quotation
        source = await self._channels.resolve_place(reference.channel_id, reference.guild_id)
        known = await self._memory.find(source, str(reference.message_id))
        if known is None:
            return quotation
        author = Author("", known.author.name, is_bot=True) if known.persona else known.author
        return replace(quotation, author=author, source=known.id if source == place else "")

    async def _fetch_replied(self, message: discord.Message, place: Place) -> None:
        """Ask Discord once for the message replied to, where neither the event nor memory has it."""
        reference = message.reference
        if message.type is not discord.MessageType.reply or reference is None or reference.resolved:
            return
        if not reference.message_id or await self._memory.find(place, str(reference.message_id)):
            return
        try:
            async with asyncio.timeout(self._calls.timings.reference_timeout):
                fetch = message.channel.fetch_message(reference.message_id)
                reference.resolved = await self._calls.make_call(fetch)
        except API_ERRORS:  # deleted, hidden, or out of reach: the message is read without it
            return

    async def _debounce(self, message: discord.Message, place: Place) -> float:
        """Return the least seconds of silence before an answer; a proxy may say a message anew.

        Memory is asked once for each channel, since an earlier process may have heard a proxy.
        """
        channel, known = message.channel.id, self._has_proxy
        if len(known) >= _MAX_PROXIED:
            known.clear()
        if is_proxied(message, self._recipient):
            known[channel] = True
            return 0.0
        if self._recipient.proxies and channel not in known:
            known[channel] = await self._memory.has_proxied(place)
        return self._calls.timings.proxy_debounce if known.get(channel) else 0.0

    def _is_own(self, message: discord.Message) -> bool:
        me = self._recipient.me.id
        if message.webhook_id is None:
            return message.author.id == me
        own = {self._client.application_id, me}
        return (
            message.application_id in own
            or message.webhook_id in own
            or self._webhooks.owns(message.webhook_id)
        )

    async def _place_of(self, message: discord.Message) -> Place:
        return await self._channels.resolve_place(
            message.channel.id, message.guild.id if message.guild else None
        )

    async def _address_of(self, message: discord.Message, place: Place) -> Address:
        found = address_of(message, self._recipient.me, self._is_own)
        if found or not place.thread:
            return found
        thread = self._client.get_channel(int(place.thread))
        if isinstance(thread, discord.Thread) and thread.owner_id == self._recipient.me.id:
            return "thread"
        # a thread has the id of the message on which it was started
        starter = await self._memory.find(
            self._channels.place_of(int(place.chat), int(place.server)), place.thread
        )
        return "thread" if starter and starter.persona else ""
