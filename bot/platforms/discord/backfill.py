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
from bot.platforms.discord.api import FAILURES, ApiCalls
from bot.platforms.discord.channels import PLATFORM
from bot.platforms.discord.compat import fetch_raw_history, parse_message
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import channel_of

log = logging.getLogger(__name__)

PAGE, PAGES = 100, 20  # messages of one call, and calls for one channel
_AT_ONCE = 4  # channels read at once
_TRIES = 4  # of one call
_MARGIN = 60_000 << 22  # a minute of ids: across channels they come in almost, not quite, their order


@dataclass(frozen=True, slots=True)
class Gap:
    """A channel in which something was said behind a message."""

    channel: discord.abc.Messageable
    channel_id: int
    guild: discord.Guild | None
    after: int


class KnownChannel:
    """The newest message known in each channel. `left` is where an unfinished earlier try began.

    `since` is when the account first listened; it counts while nobody has been heard.
    """

    def __init__(self, cursors: dict[Place, int], left: int | None, since: int) -> None:
        self.cursors, self._left = cursors, left
        self._channels = {channel_of(place): cursor for place, cursor in cursors.items()}
        newest = max(cursors.values(), default=since) - _MARGIN
        self.floor = newest if left is None else min(newest, left)  # where channels without a message begin

    def after(self, channel_id: int) -> int:
        """The message behind which a channel is to be read."""
        cursor = self._channels.get(channel_id, self.floor)
        return cursor if self._left is None else min(cursor, self._left)


class Backfill:
    """Reads what was missed. Where a process or a call ends early, the next one begins as far back."""

    def __init__(
        self,
        client: Gateway,
        calls: ApiCalls,
        memory: Memory,
        account: str,
        heard: Callable[[discord.Message], Awaitable[None]],
    ) -> None:
        self._client, self._calls, self._memory, self._heard = client, calls, memory, heard
        self._account = account
        self._scope = f"{PLATFORM}/{account}"
        self._names: dict[tuple[int, int], discord.Member | None] = {}

    async def run(self) -> bool:
        """Take in what was missed; false where some of it could not be read, and is to be tried again."""
        stored = await self._memory.cursors(PLATFORM, self._account)
        cursors = {place: int(cursor) for place, cursor in stored.items() if cursor.isdecimal()}
        kept = await self._memory.platform_state(self._scope)
        left, since = _number(kept.get("catch_up", "")), _number(kept.get("since", ""))
        if since is None:
            since = discord.utils.time_snowflake(discord.utils.utcnow())
            await self._memory.set_platform_state(self._scope, "since", str(since))
            if not cursors:
                return True
        known = KnownChannel(cursors, left, since)
        gaps = [*self._in_guilds(known), *self._elsewhere(known)]
        await self._memory.set_platform_state(self._scope, "catch_up", str(known.floor))
        gate = asyncio.Semaphore(_AT_ONCE)
        read = await asyncio.gather(*(self._read(gap, gate) for gap in gaps))
        self._names.clear()
        missed = [gap.after for gap, whole in zip(gaps, read, strict=True) if not whole]
        await self._memory.set_platform_state(self._scope, "catch_up", str(min(missed)) if missed else None)
        log.info("caught up", extra={"channels": len(gaps), "unread": len(missed)})
        return not missed

    def _in_guilds(self, known: KnownChannel) -> Iterator[Gap]:
        """Channels and threads of servers with something newer than what is known."""
        for guild in self._client.guilds:
            for channel in (*guild.channels, *guild.threads):
                if isinstance(channel, discord.CategoryChannel | discord.ForumChannel):
                    continue
                after = known.after(channel.id)
                if (channel.last_message_id or 0) > after and _is_readable(channel, guild):
                    yield Gap(channel, channel.id, guild, after)

    def _elsewhere(self, known: KnownChannel) -> Iterator[Gap]:
        """Direct chats, and threads that were archived: a new session names neither."""
        for place in known.cursors:
            key = channel_of(place)
            guild = self._client.get_guild(int(place.server)) if place.server else None
            hidden = guild is not None and place.thread and self._client.get_channel(key) is None
            if not place.server or hidden:
                channel = self._client.get_partial_messageable(key, guild_id=guild.id if guild else None)
                yield Gap(channel, key, guild, known.after(key))

    async def _read(self, gap: Gap, gate: asyncio.Semaphore) -> bool:
        """Take in a channel's messages, oldest first; false where it could not be read to the end."""
        async with gate:
            try:
                async for said in self._messages(gap):
                    await self._take(gap, said)
            except (discord.Forbidden, discord.NotFound):
                return True
            except (*FAILURES, UserError) as error:  # Discord, or memory
                log.warning(
                    "a channel cannot be read yet",
                    extra={"place": str(gap.channel_id), "error": type(error).__name__},
                )
                return False
        return True

    async def _take(self, gap: Gap, said: discord.Message) -> None:
        if gap.guild and isinstance(said.author, discord.User) and not said.webhook_id:
            said.author = await self._member(gap.guild, said.author) or said.author
        await self._heard(said)

    async def _member(self, guild: discord.Guild, user: discord.User) -> discord.Member | None:
        """Who somebody is on the server, with the name shown there; history has only the account."""
        key = (guild.id, user.id)
        if key not in self._names:
            try:
                self._names[key] = await self._calls.make(guild.fetch_member(user.id))
            except FAILURES:
                self._names[key] = None
        return self._names[key]

    async def _messages(self, gap: Gap) -> AsyncIterator[discord.Message]:
        after = gap.after
        for _ in range(PAGES):
            page = sorted(await self._page(gap.channel_id, after), key=lambda raw: int(raw["id"]))
            for raw in page:
                said = await self._read_one(gap, raw)
                if said:
                    yield said
            if len(page) < PAGE:
                return
            after = int(page[-1]["id"])
        log.warning("more was said than is read again", extra={"place": str(gap.channel_id)})

    async def _read_one(self, gap: Gap, raw: Any) -> discord.Message | None:
        """A message from history; buried where discord.py cannot read it."""
        try:
            return parse_message(self._client, gap.channel, raw)
        except Exception as error:
            await self._memory.dead_letter(PLATFORM, self._account, str(raw["id"]), type(error).__name__)
            return None

    async def _page(self, channel_id: int, after: int) -> list[Any]:
        """The next messages; tried again while Discord cannot be reached."""
        wait = self._calls.clocks.retry
        for tried in range(_TRIES):
            try:
                return await self._calls.make(fetch_raw_history(self._client, channel_id, PAGE, after))
            except (discord.Forbidden, discord.NotFound):
                raise
            except FAILURES:
                if tried + 1 == _TRIES:
                    raise
                await asyncio.sleep(wait)
                wait *= 2
        raise AssertionError


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _is_readable(channel: discord.abc.GuildChannel | discord.Thread, guild: discord.Guild) -> bool:
    """Whether the bot may read what was said; also where that is not known."""
    if guild.me is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return True
    rights = channel.permissions_for(guild.me)
    return rights.view_channel and rights.read_message_history
