"""What is heard on Discord, one thing at a time: into the conversation, or into what it remembers."""

import discord

from bot.chat.chat import Chat
from bot.memory.store import Memory
from bot.message import Address, Place
from bot.platforms.discord.channels import Channels
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.translate import address, is_spoken, message_of, words
from bot.platforms.discord.webhooks import Webhooks


class InboundMessages:
    """Takes messages, their edits and deletions to the conversation, all but the account's own."""

    def __init__(
        self, client: Gateway, chat: Chat, memory: Memory, places: Channels, webhooks: Webhooks
    ) -> None:
        self._client, self._chat, self._memory = client, chat, memory
        self._places, self._webhooks = places, webhooks

    async def heard(self, said: discord.Message) -> None:
        """Take in a message; it is stored when this returns."""
        if not is_spoken(said) or self._is_own(said):
            return
        place, text = await self._place(said), self._words(said)
        if text:
            await self._chat.receive(message_of(said, place, text, await self._address(said, place)))

    async def changed(self, said: discord.Message) -> None:
        """Take in other words of a message."""
        text = self._words(said) if is_spoken(said) and not self._is_own(said) else ""
        if text:
            await self._chat.edit(await self._place(said), str(said.id), text)

    async def deleted(self, channel_id: int, guild_id: int | None, message_ids: set[int]) -> None:
        """Take in that messages are gone."""
        place = await self._places.of(channel_id, guild_id)
        await self._chat.remove(place, *map(str, sorted(message_ids)))

    def _me(self) -> discord.ClientUser:
        assert self._client.user
        return self._client.user

    def _is_own(self, said: discord.Message) -> bool:
        if said.webhook_id is None:
            return said.author.id == self._me().id
        own = {self._client.application_id, self._me().id}
        return said.application_id in own or said.webhook_id in own or self._webhooks.owns(said.webhook_id)

    def _words(self, said: discord.Message) -> str:
        return words(said, self._me(), self._chat.settings.message_characters)

    async def _place(self, said: discord.Message) -> Place:
        return await self._places.of(said.channel.id, said.guild.id if said.guild else None)

    async def _address(self, said: discord.Message, place: Place) -> Address:
        found = address(said, self._me(), self._is_own)
        if found or not place.thread:
            return found
        thread = self._client.get_channel(int(place.thread))
        if isinstance(thread, discord.Thread) and thread.owner_id == self._me().id:
            return "thread"
        # a thread has the id of the message that it was begun on
        begun_on = await self._memory.find(self._places.at(int(place.chat), int(place.server)), place.thread)
        return "thread" if begun_on and begun_on.persona else ""
