"""Private and patched parts of discord.py, as version 2.7.1 has them; nothing else in bot/ touches them.

`tests/libraries/discord_py/test_compat.py` has a test for each function and class of this module. The test
fails where a newer discord.py no longer has the part, or no longer needs the patch.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import discord
import yarl
from discord.backoff import ExponentialBackoff
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from bot.addresses import Addresses

log = logging.getLogger(__name__)

RECONNECT_MESSAGE = "Attempting a reconnect in %.2fs"  # log message of `discord.Client.connect`
LONGEST_RATE_LIMIT = 30.0  # seconds that a call waits for a rate limit; discord.py accepts no smaller bound


class HookedClient(discord.Client):
    """discord.py's client with two hooks: `on_event` for events, `on_unreadable` for unreadable payloads.

    Events pass through the undocumented method `discord.Client.dispatch`, synchronously and in the order in
    which the gateway sent them. discord.py's own `on_message` handlers run as tasks, in no fixed order.
    An exception in one of `ConnectionState.parsers` ends the connection; Discord then sends the same payload
    again. Each parser is therefore wrapped.
    """

    def __init__(self, **options: Any) -> None:
        # without PyNaCl and davey, the first client of a process logs two warnings about voice
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(**options)
        self.on_event: Callable[[str, tuple[Any, ...]], None] = lambda event, arguments: None
        self.on_unreadable: Callable[[str, str], None] = lambda event, delivery_id: None
        parsers = self._connection.parsers
        for event, parse in list(parsers.items()):
            parsers[event] = self._guarded(event, parse)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Hand on an event; discord.py calls this method while it reads the connection."""
        super().dispatch(event, *args, **kwargs)
        self.on_event(event, args)

    def _guarded(self, event: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return the parser without its exceptions: an exception is logged and passed to `on_unreadable`."""

        def guarded(data: Any) -> None:
            try:
                parse(data)
            except Exception as error:
                delivery_id = str(data.get("id", "")) if isinstance(data, dict) else ""
                log.error(
                    "event_unreadable",
                    extra={"gateway_event": event, "delivery_id": delivery_id, "error": repr(type(error))},
                )
                self.on_unreadable(event, delivery_id)

        return guarded


class UnansweredCall(aiohttp.ClientError):
    """Discord failed while it handled a call, and may have done what the call asks for, or not."""


class BoundedBackoff(ExponentialBackoff[Literal[False]]):
    """Waits between two tries to connect, of at most `longest` seconds."""

    def __init__(self, longest: float) -> None:
        super().__init__()
        self._longest = longest

    def delay(self) -> float:
        """Return the seconds until the next try."""
        return min(super().delay(), self._longest)


def bound_reconnect_waits(longest: float) -> None:
    """Let every client of this process wait at most `longest` seconds between two tries to connect.

    `discord.Client.connect` waits up to 17 minutes, and forgets earlier failures only after half an hour.
    """
    discord.client.ExponentialBackoff = partial(  # type: ignore[attr-defined, assignment]
        BoundedBackoff, longest
    )


def shorten_reconnect_record(record: logging.LogRecord) -> bool:
    """Drop the traceback of a failed try to connect: the failure is no bug, and there may be many.

    A filter for the logger `discord.client`; the record is recognised by its message.
    """
    if record.msg == RECONNECT_MESSAGE:
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return True


def has_no_socket(client: discord.Client) -> bool:
    """Return whether the client has never had a connection to the gateway.

    `discord.Client.connect` then raises AttributeError where a try fails: it asks the missing socket for its
    sequence number.
    """
    return client.ws is None


def trace_webhook_calls() -> aiohttp.TraceConfig:
    """Return a trace that ends a webhook's call which discord.py would repeat or wait for too long.

    discord.py sends a webhook's POST again after a 5xx answer; a webhook's message has no nonce, so Discord
    would show a second copy. The trace raises `UnansweredCall` instead. discord.py also waits for every rate
    limit of a webhook, however long; beyond `LONGEST_RATE_LIMIT` the trace raises `discord.RateLimited`.
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
            raise UnansweredCall(f"a webhook's call was answered with {response.status}")
        if wait > LONGEST_RATE_LIMIT and "Via" in response.headers:
            response.close()
            raise discord.RateLimited(wait)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(check)
    return trace


def release_global_limit(http: HTTPClient) -> None:
    """Let other calls through after a while, where a cancelled call had made them all wait.

    While one call waits for a global rate limit, discord.py holds every other call by `_global_over`. A call
    that is cancelled during that wait never sets the event again.
    """
    gate = http._global_over
    if isinstance(gate, asyncio.Event) and not gate.is_set():
        asyncio.get_running_loop().call_later(http.max_ratelimit_timeout or LONGEST_RATE_LIMIT, gate.set)


def fetch_raw_history(
    client: discord.Client, channel_id: int, limit: int, after: int
) -> Coroutine[Any, Any, list[Any]]:
    """Return a call for the first `limit` messages behind the id `after`, as dictionaries, in any order.

    `Messageable.history` raises for the whole page where one message of the page cannot be parsed.
    """
    return client.http.logs_from(channel_id, limit, after=after)


def fetch_newest_raw(
    client: discord.Client, channel_id: int, limit: int, before: int
) -> Coroutine[Any, Any, list[Any]]:
    """Return a call for the last `limit` messages before the id `before`, as dictionaries, in any order."""
    return client.http.logs_from(channel_id, limit, before=before)


async def fetch_bytes(client: discord.Client, url: str, limit: int) -> bytes:
    """Return the content of an address of Discord's CDN by the client's own HTTP session, without redirects.

    `discord.Attachment.read` follows redirects and reads an answer of any length. Raises `ValueError` for a
    longer content than `limit` bytes, and `aiohttp.ClientError` for any answer but 200.
    """
    session: aiohttp.ClientSession = client.http._HTTPClient__session  # type: ignore[attr-defined]
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise aiohttp.ClientError(f"the CDN answered {response.status}")
        content = await response.content.read(limit + 1)
        while len(content) <= limit and (more := await response.content.read(limit + 1 - len(content))):
            content += more
        if len(content) > limit:
            raise ValueError("the file is too long")
        return content


def parse_message(client: discord.Client, channel: Any, payload: Any) -> discord.Message:
    """Return a message of `fetch_raw_history`; raise any exception for a payload that cannot be parsed."""
    return client._connection.create_message(channel=channel, data=payload)


def publish_commands(
    client: discord.Client, application_id: int, payload: Sequence[dict[str, Any]]
) -> Coroutine[Any, Any, Any]:
    """Return a call that replaces the application's global commands: PUT /applications/{id}/commands.

    `discord.app_commands.CommandTree` wants a callback for each command and dispatches interactions itself.
    """
    return client.http.bulk_upsert_global_commands(application_id, list(payload))


def fetch_commands(client: discord.Client, application_id: int) -> Coroutine[Any, Any, Any]:
    """Return a call for the application's global commands, as dictionaries.

    `discord.app_commands.AppCommand` does not keep the handler of an Entry Point command.
    """
    return client.http.get_global_commands(application_id)


def reopen_thread(client: discord.Client, thread_id: int) -> Coroutine[Any, Any, Any]:
    """Return a call that takes a thread out of the archive: PATCH /channels/{id}.

    `discord.Thread.edit` wants the thread, which discord.py forgets when the thread is archived.
    """
    return client.http.edit_channel(thread_id, archived=False)


def use_addresses(addresses: Addresses) -> None:
    """Send discord.py to other addresses. They hold for the whole process, and only tests have any."""
    if addresses.discord_api:
        Route.BASE = addresses.discord_api
        parts = urlsplit(addresses.discord_api)
        discord.asset.Asset.BASE = f"{parts.scheme}://{parts.netloc}/cdn"
    if addresses.discord_gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(addresses.discord_gateway)
