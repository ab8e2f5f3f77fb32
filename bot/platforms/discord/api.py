"""Calls to Discord's HTTP API: each with a deadline, and each error as a delivery error."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp
import discord
from discord.http import HTTPClient

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.platforms.discord.compat import release_global_limit
from bot.platforms.discord.refusals import Remedy, describe_refusal, refusal_of
from bot.platforms.discord.timings import DiscordTimings

log = logging.getLogger(__name__)

T = TypeVar("T")
# errors of a call: Discord answers with an error, with an unreadable body, or not at all
API_ERRORS = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    ValueError,
    TypeError,
    KeyError,
)


class ApiCalls:
    """Makes calls with a deadline, and none while Cloudflare bans this address."""

    def __init__(self, http: HTTPClient, timings: DiscordTimings) -> None:
        self._http, self.timings = http, timings
        self._banned_until = 0.0  # loop time

    async def make_call(self, call: Coroutine[Any, Any, T]) -> T:
        """Return the call's result.

        Raises `TimeoutError` past the deadline, `discord.RateLimited` during a ban, else the call's errors.
        """
        seconds = self._banned_until - asyncio.get_running_loop().time()
        if seconds > 0:
            call.close()
            raise discord.RateLimited(seconds)
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
        """Make no call for a while after a ban by Cloudflare."""
        if is_cloudflare_ban(error):
            log.error("cloudflare_ban", extra={"seconds": self.timings.ban_pause})
            self._banned_until = asyncio.get_running_loop().time() + self.timings.ban_pause


def has_error_code(error: BaseException, *codes: int) -> bool:
    """Return whether Discord answered with one of these JSON error codes."""
    return isinstance(error, discord.HTTPException) and error.code in codes


def is_cloudflare_ban(error: discord.HTTPException) -> bool:
    """Return whether Cloudflare bans this address: an answer of Discord itself has the header Via."""
    return error.status == 429 and not error.response.headers.get("Via")


def delivery_error(error: BaseException, timings: DiscordTimings) -> RetryLater | DeliveryRefused:
    """Return the delivery error for a failed call: try the message again later, or give the message up."""
    if isinstance(error, discord.RateLimited):
        return RetryLater("rate limited", error.retry_after)
    if not isinstance(error, discord.HTTPException):
        return RetryLater(f"Discord cannot be reached ({type(error).__name__})")
    if is_cloudflare_ban(error):
        return RetryLater("banned by Cloudflare", timings.ban_pause)
    if error.status in (408, 429) or error.status >= 500:
        return RetryLater(f"Discord answered {error.status}")
    if error.status == 401:  # the gateway ends the bot with its own message; no outgoing message may be lost
        return RetryLater("the token is not accepted any more", timings.call_timeout)
    if error.status == 403 and not error.code:  # no answer of Discord itself: a proxy refuses
        return RetryLater("Discord answered 403 without a reason", timings.call_timeout)
    is_later = refusal_of(error).remedy is Remedy.LATER
    return (RetryLater if is_later else DeliveryRefused)(describe_refusal(error))
