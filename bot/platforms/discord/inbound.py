"""What is heard on Discord, one thing at a time: into the conversation, or into what it remembers."""

import discord

from bot.chat.chat import Chat
from bot.message import Address, Place
from bot.platforms.discord.channels import Channels
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.translate import address_of, is_written, message_text, to_message
from bot.platforms.discord.webhooks import Webhooks


class InboundMessages:
    """Takes messages, their edits and deletions to the conversation, all but the account's own."""

    def __init__(self, client: Gateway, chat: Chat, channels: Channels, webhooks: Webhooks) -> None:
        self._client, self._chat, self._channels, self._webhooks = client, chat, channels, webhooks

    async def receive(self, said: discord.Message) -> None:
        """Take in a message; it is stored when this returns."""
        if not is_written(said) or self._is_own(said):
            return
        place, text = await self._place_of(said), self._text(said)
        if text:
            await self._chat.receive(to_message(said, place, text, await self._address_of(said, place)))

    async def edit(self, said: discord.Message) -> None:
        """Take in other words of a message."""
        text = self._text(said) if is_written(said) and not self._is_own(said) else ""
        if text:
            await self._chat.edit(await self._place_of(said), str(said.id), text)

    async def remove(self, channel_id: int, guild_id: int | None, message_ids: set[int]) -> None:
        """Take in that messages are gone."""
        place = await self._channels.resolve_place(channel_id, guild_id)
        await self._chat.remove(place, *map(str, sorted(message_ids)))

    def _bot_user(self) -> discord.ClientUser:
        assert self._client.user
        return self._client.user

    def _is_own(self, said: discord.Message) -> bool:
        if said.webhook_id is None:
            return said.author.id == self._bot_user().id
        own = {self._client.application_id, self._bot_user().id}
        return said.application_id in own or said.webhook_id in own or self._webhooks.owns(said.webhook_id)

    def _text(self, said: discord.Message) -> str:
        return message_text(said, self._bot_user(), self._chat.settings.message_characters)

    async def _place_of(self, said: discord.Message) -> Place:
        return await self._channels.resolve_place(said.channel.id, said.guild.id if said.guild else None)

    async def _address_of(self, said: discord.Message, place: Place) -> Address:
        found = address_of(said, self._bot_user(), self._is_own)
        if found or not place.thread:
            return found
        thread = self._client.get_channel(int(place.thread))
        if isinstance(thread, discord.Thread) and thread.owner_id == self._bot_user().id:
            return "thread"
        # a thread has the id of the message that it was begun on
        begun_on = await self._chat.memory.find(
            self._channels.place_of(int(place.chat), int(place.server)), place.thread
        )
        return "thread" if begun_on and begun_on.persona else ""
