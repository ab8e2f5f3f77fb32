"""The connection to Discord's gateway: intents, cache options, and the state of the connection."""

import asyncio
import time
from typing import Any

import discord

from bot.platforms.discord.compat import (
    LONGEST_RATE_LIMIT,
    HookedClient,
    bound_reconnect_waits,
    trace_webhook_calls,
)
from bot.platforms.discord.timings import DiscordTimings


def gateway_intents() -> discord.Intents:
    """Return the events that the bot asks for: no presences, no lists of members."""
    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = intents.dm_messages = intents.message_content = True
    intents.webhooks = intents.guild_reactions = intents.dm_reactions = True
    return intents


class Gateway(HookedClient):
    """A client that hands on every event at once, in order, and caches no messages or members."""

    def __init__(self, timings: DiscordTimings) -> None:
        super().__init__(
            intents=gateway_intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=timings.guild_timeout,
            heartbeat_timeout=timings.heartbeat_timeout,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT,
            http_trace=trace_webhook_calls(),
        )
        bound_reconnect_waits(timings.longest_reconnect)
        self._identify_delay = timings.identify_delay
        self.disconnected_at: float | None = (
            time.monotonic()
        )  # monotonic seconds; None while there is a connection
        self._guilds_listed = asyncio.Event()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Note the state of the connection, then hand on the event."""
        if event in ("connect", "resumed"):
            self.disconnected_at = None
        elif event == "disconnect" and self.disconnected_at is None:
            self.disconnected_at = time.monotonic()
        if event == "connect":
            self._guilds_listed.clear()
        elif event == "ready":
            self._guilds_listed.set()
        super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait before a new session, as Discord asks."""
        if not initial:
            await asyncio.sleep(self._identify_delay)

    async def wait_until_guilds_listed(self) -> None:
        """Wait until the newest session has listed all guilds; `wait_until_ready` knows the first alone."""
        await self._guilds_listed.wait()

    def seconds_offline(self) -> float:
        """Return the seconds without a connection; 0 while there is one."""
        return 0.0 if self.disconnected_at is None else time.monotonic() - self.disconnected_at

    def connection_status(self) -> str:
        """Return the state of the connection, for people."""
        if self.disconnected_at is not None:
            return f"not connected for {self.seconds_offline():.0f} s"
        latency = self.latency
        return f"connected, {latency * 1000:.0f} ms" if 0 <= latency < float("inf") else "connected"
