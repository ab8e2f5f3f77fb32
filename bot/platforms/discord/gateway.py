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
from bot.platforms.discord.timings import Timings


def gateway_intents() -> discord.Intents:
    """Return the events that the bot asks for: no presences, no lists of members."""
    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = intents.dm_messages = intents.message_content = True
    intents.webhooks = True
    return intents


class Gateway(HookedClient):
    """A client that hands on every event at once, in order, and caches no messages or members."""

    def __init__(self, clocks: Timings) -> None:
        super().__init__(
            intents=gateway_intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=clocks.guilds,
            heartbeat_timeout=clocks.heartbeat,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT,
            http_trace=trace_webhook_calls(),
        )
        bound_reconnect_waits(clocks.reconnect)
        self._identify = clocks.identify
        self.lost: float | None = time.monotonic()  # monotonic seconds; None while there is a connection
        self._whole = asyncio.Event()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Note the state of the connection, then hand on the event."""
        if event in ("connect", "resumed"):
            self.lost = None
        elif event == "disconnect" and self.lost is None:
            self.lost = time.monotonic()
        if event == "connect":
            self._whole.clear()
        elif event == "ready":
            self._whole.set()
        super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait before a new session, as Discord asks."""
        if not initial:
            await asyncio.sleep(self._identify)

    async def wait_until_whole(self) -> None:
        """Wait until the newest session has listed all guilds; `wait_until_ready` knows the first alone."""
        await self._whole.wait()

    def unheard(self) -> float:
        """Return the seconds without a connection; 0 while there is one."""
        return 0.0 if self.lost is None else time.monotonic() - self.lost

    def health(self) -> str:
        """Return the state of the connection, for people."""
        if self.lost is not None:
            return f"not connected for {self.unheard():.0f} s"
        latency = self.latency
        return f"connected, {latency * 1000:.0f} ms" if 0 <= latency < float("inf") else "connected"
