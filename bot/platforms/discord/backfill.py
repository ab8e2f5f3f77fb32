"""Backfill: messages written while the bot was offline, read behind the newest known one of each channel."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
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
_MARGIN = 60_000 << 22  # one minute as a difference of ids: ids of several channels arrive almost in order


@dataclass(frozen=True, slots=True)
class ChannelGap:
    """A channel with messages behind the message `after`."""

    channel: discord.abc.Messageable
    channel_id: int
    guild: discord.Guild | None
    after: int


class ChannelCursors:
    """The newest known message of each channel, as the id behind which the channel is read.

    `unfinished_from` is the floor of an earlier backfill that did not end. `first_connected` is the id of the
    moment when the account first connected; it counts while no message is known.
    """

    def __init__(self, cursors: dict[Place, int], unfinished_from: int | None, first_connected: int) -> None:
        self.cursors, self._unfinished_from = cursors, unfinished_from
        self._channels = {channel_id_of(place): cursor for place, cursor in cursors.items()}
        newest = max(cursors.values(), default=first_connected) - _MARGIN
        # cursor of a channel without a known message
        self.floor = newest if unfinished_from is None else min(newest, unfinished_from)

    def cursor_of(self, channel_id: int) -> int:
        """Return the id of the message behind which a channel is read."""
        cursor = self._channels.get(channel_id, self.floor)
        return cursor if self._unfinished_from is None else min(cursor, self._unfinished_from)


class Backfill:
    """Reads missed messages. After an early end of process or call, the next backfill begins as far back."""

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
        self._direct_gaps: dict[int, int] = {}

    def add_direct_gaps(self, gaps: Mapping[int, int]) -> None:
        """Read these direct chats too, each behind a message: nothing else finds one of somebody new."""
        self._direct_gaps = {**gaps, **self._direct_gaps}

    async def run(self) -> bool:
        """Receive missed messages; return False where a channel could not be read and needs another try."""
        stored = await self._memory.cursors(PLATFORM, self._account)
        cursors = {place: int(cursor) for place, cursor in stored.items() if cursor.isdecimal()}
        state = await self._memory.platform_state(self._scope)
        unfinished_from, since = _parse_id(state.get("catch_up", "")), _parse_id(state.get("since", ""))
        if since is None:
            since = discord.utils.time_snowflake(discord.utils.utcnow())
            await self._memory.set_platform_state(self._scope, "since", str(since))
            if not cursors and not self._direct_gaps:
                return True
        known = ChannelCursors(cursors, unfinished_from, since)
        gaps = [*self._guild_gaps(known), *self._unlisted_gaps(known)]
        await self._memory.set_platform_state(self._scope, "catch_up", str(known.floor))
        semaphore = asyncio.Semaphore(_MAX_CONCURRENT)
        completed = await asyncio.gather(*(self._read_channel(gap, semaphore) for gap in gaps))
        self._members.clear()
        unread = [gap.after for gap, is_complete in zip(gaps, completed, strict=True) if not is_complete]
        self._direct_gaps = {
            gap.channel_id: gap.after
            for gap, is_complete in zip(gaps, completed, strict=True)
            if gap.channel_id in self._direct_gaps and not is_complete
        }
        await self._memory.set_platform_state(self._scope, "catch_up", str(min(unread)) if unread else None)
        log.info("backfill_done", extra={"channels": len(gaps), "unread": len(unread)})
        return not unread

    def _guild_gaps(self, known: ChannelCursors) -> Iterator[ChannelGap]:
        """Yield channels and threads of servers whose newest message is not known."""
        for guild in self._client.guilds:
            for channel in (*guild.channels, *guild.threads):
                if isinstance(channel, discord.CategoryChannel | discord.ForumChannel):
                    continue
                after = known.cursor_of(channel.id)
                if (channel.last_message_id or 0) > after and _is_readable(channel, guild):
                    yield ChannelGap(channel, channel.id, guild, after)

    def _unlisted_gaps(self, known: ChannelCursors) -> Iterator[ChannelGap]:
        """Yield direct chats and archived threads: a new session lists neither."""
        for place in known.cursors:
            channel_id = channel_id_of(place)
            guild = self._client.get_guild(int(place.server)) if place.server else None
            is_archived = guild is not None and place.thread and self._client.get_channel(channel_id) is None
            if not place.server or is_archived:
                channel = self._client.get_partial_messageable(
                    channel_id, guild_id=guild.id if guild else None
                )
                yield ChannelGap(channel, channel_id, guild, known.cursor_of(channel_id))
        listed = {channel_id_of(place) for place in known.cursors}
        for channel_id in self._direct_gaps.keys() - listed:
            channel = self._client.get_partial_messageable(channel_id)
            yield ChannelGap(channel, channel_id, None, self._direct_gaps[channel_id])

    async def _read_channel(self, gap: ChannelGap, semaphore: asyncio.Semaphore) -> bool:
        """Receive a channel's messages, oldest first; return False where an error ended the reading."""
        async with semaphore:
            try:
                async for message in self._read_pages(gap):
                    await self._take_message(gap, message)
            except (discord.Forbidden, discord.NotFound):
                return True
            except (*API_ERRORS, UserError) as error:  # Discord, or memory
                log.warning(
                    "channel_unreadable",
                    extra={"place": str(gap.channel_id), "error": type(error).__name__},
                )
                return False
        return True

    async def _take_message(self, gap: ChannelGap, message: discord.Message) -> None:
        if gap.guild and isinstance(message.author, discord.User) and not message.webhook_id:
            message.author = await self._member(gap.guild, message.author) or message.author
        await self._receive(message)

    async def _member(self, guild: discord.Guild, user: discord.User) -> discord.Member | None:
        """Return the member with the name shown on the server; history names only the account."""
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
            page = sorted(
                await self._fetch_page(gap.channel_id, after), key=lambda payload: int(payload["id"])
            )
            for payload in page:
                message = await self._parse_payload(gap, payload)
                if message:
                    yield message
            if len(page) < PAGE_SIZE:
                return
            after = int(page[-1]["id"])
        log.warning("backfill_cut", extra={"place": str(gap.channel_id)})

    async def _parse_payload(self, gap: ChannelGap, payload: Any) -> discord.Message | None:
        """Return the message; None after a dead letter for a payload that discord.py cannot parse."""
        try:
            return parse_message(self._client, gap.channel, payload)
        except Exception as error:
            await self._memory.dead_letter(PLATFORM, self._account, str(payload["id"]), type(error).__name__)
            return None

    async def _fetch_page(self, channel_id: int, after: int) -> list[Any]:
        """Return the next messages as payloads; try again while Discord cannot be reached."""
        wait = self._calls.timings.retry_delay
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._calls.make_call(
                    fetch_raw_history(self._client, channel_id, PAGE_SIZE, after)
                )
            except (discord.Forbidden, discord.NotFound):
                raise
            except API_ERRORS:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(wait)
                wait *= 2
        raise AssertionError


def _parse_id(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _is_readable(channel: discord.abc.GuildChannel | discord.Thread, guild: discord.Guild) -> bool:
    """Return whether the bot may read the channel's history; True where the permissions are not known."""
    if guild.me is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return True
    permissions = channel.permissions_for(guild.me)
    return permissions.view_channel and permissions.read_message_history
