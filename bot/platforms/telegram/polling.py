"""The long poll: one update after another, and none acknowledged before it is kept."""

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
from bot.platforms.telegram.compat import ApiRequest, TooManyRequests
from bot.platforms.telegram.timings import TelegramTimings
from bot.platforms.telegram.wire import UPDATE_KINDS

log = logging.getLogger(__name__)

TakeUpdate = Callable[[Mapping[str, Any]], Awaitable[None]]
T = TypeVar("T")


class Polling:
    """Asks for updates until hushed. The next question acknowledges those that `take` has returned from.

    `take` raises `UserError` where an update could not be kept: it comes again.
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
        """Seconds since updates could last be asked for."""
        return self._clock() - self._last_poll

    def stop_intake(self) -> None:
        """Ask no more, take no more; what was not taken comes again at the next start."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until hushed; `UserError` when the token is refused, or another program keeps using it."""
        while not self._stopping.is_set():
            try:
                updates = await self._until_stopping(self._poll())
                for update in updates or ():
                    await self._hand_over(update)
                self._failures = 0
            except (TelegramError, TimeoutError, UserError, KeyError, TypeError) as error:
                await self._wait(await self._handle_error(error))

    async def acknowledge(self) -> None:
        """Tell Telegram what has been taken since the last poll."""
        if self._is_acknowledged:
            return
        try:
            async with asyncio.timeout(self._timings.shutdown_timeout):
                await self._get_updates(0, limit=1)
        except (TelegramError, TimeoutError, KeyError):
            log.info("what was taken last comes again")

    async def _poll(self) -> list[Mapping[str, Any]]:
        async with asyncio.timeout(self._timings.poll + self._timings.poll_margin):
            updates = await self._get_updates(self._timings.poll)
        self._last_poll, self._is_acknowledged = self._clock(), True
        self._conflicts = 0
        if self._is_offline:
            self._is_offline = False
            log.warning("Telegram is heard again")
        return updates

    async def _get_updates(self, seconds: float, limit: int = 100) -> list[Mapping[str, Any]]:
        """The updates as they come, so that one that is wrong is only itself."""
        wanted = {"timeout": round(seconds), "limit": limit, "allowed_updates": json.dumps(UPDATE_KINDS)}
        offset = {} if self._offset is None else {"offset": self._offset}
        found = await self._request.post(
            f"{self._bot.base_url}/getUpdates?{urlencode(wanted | offset)}",
            read_timeout=seconds + 2 * self._timings.poll_margin,  # the deadline above comes first
        )
        if not isinstance(found, list):
            raise TypeError("updates are a list")
        updates: list[Mapping[str, Any]] = [
            one for one in found if isinstance(one, dict) and isinstance(one.get("update_id"), int)
        ]
        if found and not updates:
            raise TypeError("what cannot be acknowledged would come for ever")
        return updates

    async def _hand_over(self, update: Mapping[str, Any]) -> None:
        if not self._stopping.is_set():
            await self._take(update)
            self._offset, self._is_acknowledged = update["update_id"] + 1, False

    async def _handle_error(self, error: Exception) -> float:
        """Say what is wrong, once for each time it goes on, and for how long to rest; raise what stays so."""
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
            "a poll failed",
            extra={"reason": reason},
        )
        if self.seconds_since_poll > self._timings.offline_warning and not self._is_offline:
            self._is_offline = True
            log.error("Telegram is not heard", extra={"seconds": round(self.seconds_since_poll)})
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
        """Open the connection anew: the old one hangs."""
        await self._request.shutdown()
        await self._request.initialize()

    async def _wait(self, seconds: float) -> None:
        await self._until_stopping(asyncio.sleep(seconds))

    async def _until_stopping(self, work: Awaitable[T]) -> T | None:
        """What the work gives; None, and the work is cancelled, as soon as nothing more is taken."""
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return tasks[0].result() if tasks[0].done() else None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
