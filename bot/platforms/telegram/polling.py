"""The long poll: one update after another, and none acknowledged before memory holds it."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from telegram import Bot
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.errors import UserError
from bot.platforms.cancellation import run_until
from bot.platforms.telegram.compat import ApiRequest, TooManyRequests
from bot.platforms.telegram.timings import TelegramTimings
from bot.platforms.telegram.wire import UPDATE_KINDS

log = logging.getLogger(__name__)

TakeUpdate = Callable[[Mapping[str, Any]], Awaitable[None]]
T = TypeVar("T")


class Polling:
    """Polls for updates until stopped. Each poll acknowledges the updates from which `take` has returned.

    `take` raises `UserError` where memory could not store an update: Telegram sends that update again.
    """

    def __init__(
        self,
        bot: Bot,
        request: ApiRequest,
        take: TakeUpdate,
        timings: TelegramTimings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot, self._request, self._take, self._timings = bot, request, take, timings
        self._clock = clock
        self._offset: int | None = None
        self._is_acknowledged = True
        self._stopping = asyncio.Event()
        self._last_poll = clock()
        self._is_offline = False
        self._failures = self._conflicts = 0

    @property
    def seconds_since_poll(self) -> float:
        """Seconds since the last successful poll."""
        return self._clock() - self._last_poll

    def stop_intake(self) -> None:
        """Poll no more, take no more; Telegram sends the remaining updates to the next process."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until `stop_intake`.

        Raises `UserError` where Telegram refuses the token, or another program keeps polling with it.
        """
        while not self._stopping.is_set():
            try:
                updates = await run_until(self._stopping, self._poll())
                for update in updates or ():
                    await self._take_update(update)
                self._failures = 0
            except (TelegramError, TimeoutError, UserError, KeyError, TypeError) as error:
                await self._wait(await self._handle_error(error))

    async def acknowledge(self) -> None:
        """Acknowledge the updates taken since the last poll."""
        if self._is_acknowledged:
            return
        try:
            async with asyncio.timeout(self._timings.shutdown_timeout):
                await self._get_updates(0, limit=1)
        except (TelegramError, TimeoutError, KeyError):
            log.info("acknowledge_failed")

    async def _poll(self) -> list[Mapping[str, Any]]:
        async with asyncio.timeout(self._timings.poll + self._timings.poll_margin):
            updates = await self._get_updates(self._timings.poll)
        self._last_poll, self._is_acknowledged = self._clock(), True
        self._conflicts = 0
        if self._is_offline:
            self._is_offline = False
            log.warning("connection_restored")
        return updates

    async def _get_updates(self, seconds: float, limit: int = 100) -> list[Mapping[str, Any]]:
        """Return raw updates, so that an unreadable one affects no other."""
        query = {"timeout": round(seconds), "limit": limit, "allowed_updates": json.dumps(UPDATE_KINDS)}
        offset = {} if self._offset is None else {"offset": self._offset}
        result = await self._request.post(
            f"{self._bot.base_url}/getUpdates?{urlencode(query | offset)}",
            read_timeout=seconds + 2 * self._timings.poll_margin,  # the deadline of `_poll` ends earlier
        )
        if not isinstance(result, list):
            raise TypeError("updates are a list")
        updates: list[Mapping[str, Any]] = [
            one for one in result if isinstance(one, dict) and isinstance(one.get("update_id"), int)
        ]
        if result and not updates:
            raise TypeError("updates without a number, which cannot be acknowledged")
        return updates

    async def _take_update(self, update: Mapping[str, Any]) -> None:
        if not self._stopping.is_set():
            await self._take(update)
            self._offset, self._is_acknowledged = update["update_id"] + 1, False

    async def _handle_error(self, error: Exception) -> float:
        """Log an error and return the seconds to wait; raise `UserError` for an error that will not pass."""
        if isinstance(error, InvalidToken):
            raise UserError("Telegram refuses TELEGRAM_TOKEN: set the one that BotFather shows.") from None
        if isinstance(error, TooManyRequests):
            return error.seconds
        self._failures += 1
        if isinstance(error, Conflict):
            self._count_conflict()
        if isinstance(error, TimeoutError):
            await self._reconnect()
        reason = str(error) if isinstance(error, UserError) else type(error).__name__
        log.log(
            logging.WARNING if self._failures == 1 else logging.INFO,
            "poll_failed",
            extra={"reason": reason},
        )
        if self.seconds_since_poll > self._timings.offline_warning and not self._is_offline:
            self._is_offline = True
            log.error("connection_lost", extra={"seconds": round(self.seconds_since_poll)})
        return min(
            self._timings.shortest_wait * 2.0 ** min(self._failures - 1, 10), self._timings.longest_wait
        )

    def _count_conflict(self) -> None:
        self._conflicts += 1
        if self._conflicts >= self._timings.max_conflicts:
            raise UserError(
                "Another program takes this bot's messages with the same TELEGRAM_TOKEN, or a webhook does: "
                "stop it, or use another token."
            )

    async def _reconnect(self) -> None:
        """Replace the HTTP client's connections after a poll that hung."""
        await self._request.shutdown()
        await self._request.initialize()

    async def _wait(self, seconds: float) -> None:
        await run_until(self._stopping, asyncio.sleep(seconds))
