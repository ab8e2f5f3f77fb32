"""The connection to Discord: what it asks for, and every event in the order in which it came."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

import aiohttp
import discord
from discord.backoff import ExponentialBackoff

from bot.platforms.discord.clocks import Timings

log = logging.getLogger(__name__)


RETRY = "Attempting a reconnect in %.2fs"  # what discord.py says of a try to connect that failed
LONGEST_LIMIT = 30.0  # seconds of a limit that a call sits out; discord.py takes no less


def intents() -> discord.Intents:
    """What the bot is told of: no presences, no lists of members."""
    wanted = discord.Intents.none()
    wanted.guilds = wanted.guild_messages = wanted.dm_messages = wanted.message_content = True
    wanted.webhooks = True
    return wanted


class Unanswered(aiohttp.ClientError):
    """Discord may have done what it was asked, or not."""


def _once() -> aiohttp.TraceConfig:
    """Let a webhook that met an error of the server speak no second time by itself, nor wait for long.

    discord.py 2.7 tries again, and a webhook's messages have no nonce by which Discord knew the second copy;
    and it sits out every limit of a webhook, however long.
    """

    async def check(
        session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        response = end.response
        wait = float(response.headers.get("Retry-After", 0)) if response.status == 429 else 0.0
        if "/webhooks/" not in end.url.path:
            return
        if response.status >= 500 and end.method == "POST":
            response.close()
            raise Unanswered(f"a webhook's call was answered with {response.status}")
        if wait > LONGEST_LIMIT and "Via" in response.headers:
            response.close()
            raise discord.RateLimited(wait)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(check)
    return trace


class _Backoff(ExponentialBackoff[Literal[False]]):
    """How long to wait between two tries to connect.

    discord.py 2.7 lets them grow to 17 minutes, and forgets how often it tried only after half an hour.
    """

    def __init__(self, longest: float) -> None:
        super().__init__()
        self._longest = longest

    def delay(self) -> float:
        return min(super().delay(), self._longest)


def brief(record: logging.LogRecord) -> bool:
    """Leave out the traceback of a try to connect that failed: it is no bug, and there may be many."""
    if record.msg == RETRY:
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return True


class Gateway(discord.Client):
    """A client that hands on every event at once, in order, and keeps no messages or members."""

    def __init__(self, clocks: Timings) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks aloud here
        super().__init__(
            intents=intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=clocks.guilds,
            heartbeat_timeout=clocks.heartbeat,
            max_ratelimit_timeout=LONGEST_LIMIT,
            http_trace=_once(),
        )
        backoff = partial(_Backoff, clocks.reconnect)
        discord.client.ExponentialBackoff = backoff  # type: ignore[attr-defined, assignment]
        self.events: Callable[[str, tuple[Any, ...]], None] = lambda event, arguments: None
        self.poison: Callable[[str, str], None] = lambda event, letter: None
        self._identify = clocks.identify
        self.lost: float | None = time.monotonic()  # since when there is no connection
        self._whole = asyncio.Event()  # whether this session told all servers
        parsers = self._connection.parsers
        for event, parse in list(parsers.items()):
            parsers[event] = self._guarded(event, parse)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Hand on an event; called by discord.py while it reads the connection."""
        if event in ("connect", "resumed"):
            self.lost = None
        elif event == "disconnect" and self.lost is None:
            self.lost = time.monotonic()
        if event == "connect":
            self._whole.clear()
        elif event == "ready":
            self._whole.set()
        super().dispatch(event, *args, **kwargs)
        self.events(event, args)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait before a new session, as Discord asks."""
        if not initial:
            await asyncio.sleep(self._identify)

    async def wait_until_whole(self) -> None:
        """Wait until the newest session has told all servers; `wait_until_ready` knows the first alone."""
        await self._whole.wait()

    def unheard(self) -> float:
        """Seconds without a connection; 0 while there is one."""
        return 0.0 if self.lost is None else time.monotonic() - self.lost

    def health(self) -> str:
        """How the connection is doing, for people."""
        if self.lost is not None:
            return f"not connected for {self.unheard():.0f} s"
        latency = self.latency
        return f"connected, {latency * 1000:.0f} ms" if 0 <= latency < float("inf") else "connected"

    def _guarded(self, event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        """A payload that discord.py cannot read would end the connection, and come again."""

        def guarded(data: Any) -> None:
            try:
                parse(data)
            except Exception as error:
                letter = str(data.get("id", "")) if isinstance(data, dict) else ""
                log.error(
                    "an event cannot be read",
                    extra={"event": event, "letter": letter, "error": repr(type(error))},
                )
                self.poison(event, letter)

        return guarded
