"""Calls to Discord: each with a deadline, and every failure in the words that delivery knows."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp
import discord
from discord.http import HTTPClient

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.platforms.discord.compat import release_global_limit
from bot.platforms.discord.timings import DiscordTimings

log = logging.getLogger(__name__)

T = TypeVar("T")
# what a call raises when Discord answers with an error, in garbage, or not at all
API_ERRORS = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    ValueError,
    TypeError,
    KeyError,
)

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK = 10003, 10008, 10015
NOT_THE_AUTHOR, TOO_MANY_WEBHOOKS = 50005, 30007
_REASONS = {
    UNKNOWN_CHANNEL: "the channel is gone",
    50001: "the bot cannot see the channel: give it the permission View Channel, or invite it again",
    50013: "the bot lacks the permission Send Messages (in threads: Send Messages in Threads)",
    50007: "this person takes no direct messages from the bot",
    50083: "the thread is archived",
    160005: "the thread is locked",
}


class ApiCalls:
    """Makes calls that end in time."""

    def __init__(self, http: HTTPClient, timings: DiscordTimings) -> None:
        self._http, self.timings = http, timings
        self._banned_until = 0.0  # until when nothing is called

    async def make_call(self, call: Coroutine[Any, Any, T]) -> T:
        """What the call gives; `TimeoutError` when that takes too long, `RateLimited` during a ban."""
        left = self._banned_until - asyncio.get_running_loop().time()
        if left > 0:
            call.close()
            raise discord.RateLimited(left)
        try:
            async with asyncio.timeout(self.timings.call_timeout):
                return await call
        except (asyncio.CancelledError, TimeoutError):
            release_global_limit(self._http)
            raise
        except discord.HTTPException as error:
            self._note_ban(error)
            raise

    def _note_ban(self, error: discord.HTTPException) -> None:
        """Call nothing for a while where it is not Discord that refuses, but what stands before it."""
        if is_cloudflare_ban(error):
            log.error("Cloudflare has banned this address: nothing is sent for a while")
            self._banned_until = asyncio.get_running_loop().time() + self.timings.ban_pause


def has_error_code(error: BaseException, *codes: int) -> bool:
    """Whether Discord answered with one of these error codes."""
    return isinstance(error, discord.HTTPException) and error.code in codes


def is_cloudflare_ban(error: discord.HTTPException) -> bool:
    """Whether Cloudflare has banned this address: its answers name nobody between it and Discord."""
    return error.status == 429 and not error.response.headers.get("Via")


def delivery_error(error: BaseException, timings: DiscordTimings) -> RetryLater | DeliveryRefused:
    """What a failed call means for the message that it was to send."""
    if isinstance(error, discord.RateLimited):
        return RetryLater("rate limited", error.retry_after)
    if not isinstance(error, discord.HTTPException):
        return RetryLater(f"Discord cannot be reached ({type(error).__name__})")
    if is_cloudflare_ban(error):
        return RetryLater("banned by Cloudflare", timings.ban_pause)
    if error.status in (408, 429) or error.status >= 500:
        return RetryLater(f"Discord answered {error.status}")
    if error.status == 401:  # the connection ends with a reason of its own; nothing shall be lost by that
        return RetryLater("the token is not accepted any more", timings.call_timeout)
    if error.status == 403 and not error.code:  # not Discord's own words: something before it refuses
        return RetryLater("Discord answered 403 without a reason", timings.call_timeout)
    return DeliveryRefused(_REASONS.get(error.code) or f"Discord answered {error.status} (code {error.code})")
