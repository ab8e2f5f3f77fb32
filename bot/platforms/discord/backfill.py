"""What was said while nobody was connected: read from every channel, behind the last message known there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import discord

from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.channels import PLATFORM
from bot.platforms.discord.compat import fetch_raw_history, parse_message
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import channel_id_of

log = logging.getLogger(__name__)

PAGE_SIZE, MAX_PAGES = 100, 20  # messages of one call, and calls for one channel
_MAX_CONCURRENT = 4  # channels read at once
_ATTEMPTS = 4  # of one call
_MARGIN = 60_000 << 22  # a minute of ids: across channels they come in almost, not quite, their order


@dataclass(frozen=True, slots=True)
class ChannelGap:
    """A channel in which something was said behind a message."""

    channel: discord.abc.Messageable
    channel_id: int
    guild: discord.Guild | None
    after: int


class ChannelCursors:
    """The newest message known in each channel. `left` is where an unfinished earlier try began.

    `since` is when the account first listened; it counts while nobody has been heard.
    """

    def __init__(self, cursors: dict[Place, int], unfinished_from: int | None, first_connected: int) -> None:
        self.cursors, self._unfinished_from = cursors, unfinished_from
        self._channels = {channel_id_of(place): cursor for place, cursor in cursors.items()}
        newest = max(cursors.values(), default=first_connected) - _MARGIN
        self.floor = (
            newest if unfinished_from is None else min(newest, unfinished_from)
        )  # where channels without a message begin

    def cursor_of(self, channel_id: int) -> int:
        """The message behind which a channel is to be read."""
        cursor = self._channels.get(channel_id, self.floor)
        return cursor if self._unfinished_from is None else min(cursor, self._unfinished_from)


class Backfill:
    """Reads what was missed. Where a process or a call ends early, the next one begins as far back."""

    def __init__(
        self,
        client: Gateway,
        calls: ApiCalls,
        memory: Memory,
        account: str,
        receive: Callable[[discord.Message], Awaitable[None]],
    ) -> None:
        self._client, self._calls, self._memory, self._receive = client, calls, memory, receive
        self._account = account
        self._scope = f"{PLATFORM}/{account}"
        self._members: dict[tuple[int, int], discord.Member | None] = {}

    async def run(self) -> bool:
        """Take in what was missed; false where some of it could not be read, and is to be tried again."""
        stored = await self._memory.cursors(PLATFORM, self._account)
        cursors = {place: int(cursor) for place, cursor in stored.items() if cursor.isdecimal()}
        kept = await self._memory.platform_state(self._scope)
        left, since = _parse_id(kept.get("catch_up", "")), _parse_id(kept.get("since", ""))
        if since is None:
            since = discord.utils.time_snowflake(discord.utils.utcnow())
            await self._memory.set_platform_state(self._scope, "since", str(since))
            if not cursors:
                return True
        known = ChannelCursors(cursors, left, since)
        gaps = [*self._guild_gaps(known), *self._unlisted_gaps(known)]
        await self._memory.set_platform_state(self._scope, "catch_up", str(known.floor))
        gate = asyncio.Semaphore(_MAX_CONCURRENT)
        read = await asyncio.gather(*(self._read_channel(gap, gate) for gap in gaps))
        self._members.clear()
        missed = [gap.after for gap, whole in zip(gaps, read, strict=True) if not whole]
        await self._memory.set_platform_state(self._scope, "catch_up", str(min(missed)) if missed else None)
        log.info("caught up", extra={"channels": len(gaps), "unread": len(missed)})
        return not missed

    def _guild_gaps(self, known: ChannelCursors) -> Iterator[ChannelGap]:
        """Channels and threads of servers with something newer than what is known."""
        for guild in self._client.guilds:
            for channel in (*guild.channels, *guild.threads):
                if isinstance(channel, discord.CategoryChannel | discord.ForumChannel):
                    continue
                after = known.cursor_of(channel.id)
                if (channel.last_message_id or 0) > after and _is_readable(channel, guild):
                    yield ChannelGap(channel, channel.id, guild, after)

    def _unlisted_gaps(self, known: ChannelCursors) -> Iterator[ChannelGap]:
        """Direct chats, and threads that were archived: a new session names neither."""
        for place in known.cursors:
            key = channel_id_of(place)
            guild = self._client.get_guild(int(place.server)) if place.server else None
            hidden = guild is not None and place.thread and self._client.get_channel(key) is None
            if not place.server or hidden:
                channel = self._client.get_partial_messageable(key, guild_id=guild.id if guild else None)
                yield ChannelGap(channel, key, guild, known.cursor_of(key))

    async def _read_channel(self, gap: ChannelGap, gate: asyncio.Semaphore) -> bool:
        """Take in a channel's messages, oldest first; false where it could not be read to the end."""
        async with gate:
            try:
                async for said in self._read_pages(gap):
                    await self._take_message(gap, said)
            except (discord.Forbidden, discord.NotFound):
                return True
            except (*API_ERRORS, UserError) as error:  # Discord, or memory
                log.warning(
                    "a channel cannot be read yet",
                    extra={"place": str(gap.channel_id), "error": type(error).__name__},
                )
                return False
        return True

    async def _take_message(self, gap: ChannelGap, said: discord.Message) -> None:
        if gap.guild and isinstance(said.author, discord.User) and not said.webhook_id:
            said.author = await self._member(gap.guild, said.author) or said.author
        await self._receive(said)

    async def _member(self, guild: discord.Guild, user: discord.User) -> discord.Member | None:
        """Who somebody is on the server, with the name shown there; history has only the account."""
        key = (guild.id, user.id)
        if key not in self._members:
            try:
                self._members[key] = await self._calls.make_call(guild.fetch_member(user.id))
            except API_ERRORS:
                self._members[key] = None
        return self._members[key]

    async def _read_pages(self, gap: ChannelGap) -> AsyncIterator[discord.Message]:
        after = gap.after
        for _ in range(MAX_PAGES):
            page = sorted(await self._fetch_page(gap.channel_id, after), key=lambda raw: int(raw["id"]))
            for raw in page:
                said = await self._parse_payload(gap, raw)
                if said:
                    yield said
            if len(page) < PAGE_SIZE:
                return
            after = int(page[-1]["id"])
        log.warning("more was said than is read again", extra={"place": str(gap.channel_id)})

    async def _parse_payload(self, gap: ChannelGap, raw: Any) -> discord.Message | None:
        """A message from history; buried where discord.py cannot read it."""
        try:
            return parse_message(self._client, gap.channel, raw)
        except Exception as error:
            await self._memory.dead_letter(PLATFORM, self._account, str(raw["id"]), type(error).__name__)
            return None

    async def _fetch_page(self, channel_id: int, after: int) -> list[Any]:
        """The next messages; tried again while Discord cannot be reached."""
        wait = self._calls.timings.retry_delay
        for tried in range(_ATTEMPTS):
            try:
                return await self._calls.make_call(
                    fetch_raw_history(self._client, channel_id, PAGE_SIZE, after)
                )
            except (discord.Forbidden, discord.NotFound):
                raise
            except API_ERRORS:
                if tried + 1 == _ATTEMPTS:
                    raise
                await asyncio.sleep(wait)
                wait *= 2
        raise AssertionError


def _parse_id(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _is_readable(channel: discord.abc.GuildChannel | discord.Thread, guild: discord.Guild) -> bool:
    """Whether the bot may read what was said; also where that is not known."""
    if guild.me is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return True
    rights = channel.permissions_for(guild.me)
    return rights.view_channel and rights.read_message_history
