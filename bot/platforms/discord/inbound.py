"""Inbound messages, edits and deletions, one at a time: into the conversation and its memory."""

import discord

from bot.chat.chat import Chat
from bot.memory.store import Memory
from bot.message import Address, Place
from bot.platforms.discord.channels import Channels
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.translate import address_of, is_written, message_text, to_message
from bot.platforms.discord.webhooks import Webhooks


class InboundMessages:
    """Passes messages, edits and deletions to the chat, all but the account's own."""

    def __init__(
        self, client: Gateway, chat: Chat, memory: Memory, channels: Channels, webhooks: Webhooks
    ) -> None:
        self._client, self._chat, self._memory = client, chat, memory
        self._channels, self._webhooks = channels, webhooks

    async def receive(self, message: discord.Message) -> None:
        """Receive a message; memory holds the message when this returns."""
        if not is_written(message) or self._is_own(message):
            return
        place, text = await self._place_of(message), self._text(message)
        if text:
            await self._chat.receive(to_message(message, place, text, await self._address_of(message, place)))

    async def edit(self, message: discord.Message) -> None:
        """Apply a message's edit."""
        if text := self.edited_text(message):
            await self._chat.edit(await self._place_of(message), str(message.id), text)

    def edited_text(self, message: discord.Message) -> str:
        """Return the text of a person's message; empty where there is none to store."""
        return self._text(message) if is_written(message) and not self._is_own(message) else ""

    async def remove(self, channel_id: int, guild_id: int | None, message_ids: set[int]) -> None:
        """Remove deleted messages."""
        place = await self._channels.resolve_place(channel_id, guild_id)
        await self._chat.remove(place, *map(str, sorted(message_ids)))

    def _bot_user(self) -> discord.ClientUser:
        assert self._client.user
        return self._client.user

    def _is_own(self, message: discord.Message) -> bool:
        if message.webhook_id is None:
            return message.author.id == self._bot_user().id
        own = {self._client.application_id, self._bot_user().id}
        return (
            message.application_id in own
            or message.webhook_id in own
            or self._webhooks.owns(message.webhook_id)
        )

    def _text(self, message: discord.Message) -> str:
        return message_text(message, self._bot_user(), self._chat.settings.message_characters)

    async def _place_of(self, message: discord.Message) -> Place:
        return await self._channels.resolve_place(
            message.channel.id, message.guild.id if message.guild else None
        )

    async def _address_of(self, message: discord.Message, place: Place) -> Address:
        found = address_of(message, self._bot_user(), self._is_own)
        if found or not place.thread:
            return found
        thread = self._client.get_channel(int(place.thread))
        if isinstance(thread, discord.Thread) and thread.owner_id == self._bot_user().id:
            return "thread"
        # a thread has the id of the message on which it was started
        starter = await self._memory.find(
            self._channels.place_of(int(place.chat), int(place.server)), place.thread
        )
        return "thread" if starter and starter.persona else ""
