"""The place of a Discord channel, thread or direct chat."""

import discord

from bot.message import Place
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.gateway import Gateway

PLATFORM = "discord"
_MAX_CACHED = 4096  # channels whose parent was asked for


class Channels:
    """Maps channel ids to places, and asks Discord for the parent of an unknown thread."""

    def __init__(self, client: Gateway, calls: ApiCalls, account: str) -> None:
        self._client, self._calls, self._account = client, calls, account
        self._parents: dict[int, int | None] = {}

    async def resolve_place(self, channel_id: int, guild_id: int | None) -> Place:
        """Return the place of a channel, a thread or a direct chat, by the channel's id alone."""
        channel = self._client.get_channel(channel_id)
        if isinstance(channel, discord.Thread):
            return self.place_of(channel.parent_id, guild_id, channel_id)
        if channel is None and guild_id is not None:
            parent = await self._fetch_parent(channel_id)
            if parent is not None:
                return self.place_of(parent, guild_id, channel_id)
        return self.place_of(channel_id, guild_id)

    def place_of(self, channel_id: int, guild_id: int | None, thread_id: int | None = None) -> Place:
        """Return the place of a channel, or of a thread in that channel."""
        return Place(
            PLATFORM, self._account, str(channel_id), str(thread_id or ""), server=str(guild_id or "")
        )

    async def _fetch_parent(self, channel_id: int) -> int | None:
        """Return an unknown thread's parent channel; None for no thread, and without Discord's answer."""
        if channel_id not in self._parents:
            try:
                found = await self._calls.make_call(self._client.fetch_channel(channel_id))
            except API_ERRORS:
                return None
            if len(self._parents) >= _MAX_CACHED:
                self._parents.clear()
            self._parents[channel_id] = found.parent_id if isinstance(found, discord.Thread) else None
        return self._parents[channel_id]
