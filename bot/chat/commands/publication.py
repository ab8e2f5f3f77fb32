"""The publication of the commands to a platform: tried again after a failure, which people can look up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from bot.errors import UserError
from bot.memory.queries.platform_state import PUBLICATION_FAILURES
from bot.memory.store import Memory

log = logging.getLogger(__name__)

LONGEST_WAIT = 3600.0  # seconds at most, between two tries


class PublicationError(Exception):
    """The platform did not take the commands; the text has reason, code and remedy.

    A next try is welcome after `seconds`; 0 where the platform gave no time.
    """

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class CommandPublication:
    """Publishes an account's commands, with tries in the background for as long as that takes.

    As a context: the first try ends before the context is entered.
    """

    def __init__(
        self, memory: Memory, account: str, publish: Callable[[], Awaitable[None]], first_wait: float
    ) -> None:
        """`account` is `platform/account`; `publish` raises `PublicationError`; `first_wait` is in seconds.

        Where memory cannot be written, `publish` says so by the same error.
        """
        self._memory, self._account, self._publish = memory, account, publish
        self._first_wait = first_wait
        self._wait = self._asked_wait = 0.0  # before the next try
        self._connected = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.failure = ""  # the reason of the last failure; empty once the commands are published

    async def __aenter__(self) -> Self:
        if not await self.try_once():
            self._running = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])

    @property
    def status(self) -> str:
        """The state for people, behind that of the connection; empty where all is well."""
        return f"; commands are not published: {self.failure}" if self.failure else ""

    def note_connection(self) -> None:
        """Try again now where a try failed: the platform is there again."""
        self._connected.set()

    async def run(self) -> None:
        """Publish the commands, with a doubled wait after each failure."""
        while not await self.try_once():
            pass

    async def try_once(self) -> bool:
        """Publish the commands, or note the failure and the wait before the next try; return the success."""
        if self._wait:
            await self._pause()
        self._wait = min(2 * self._wait, LONGEST_WAIT) or self._first_wait
        self._asked_wait = 0.0
        try:
            await self._publish()
            await self._note("")
        except PublicationError as error:
            log.error("publish_commands_failed", extra={"reason": str(error)})
            self._asked_wait = error.seconds
            await self._note(str(error))
        return not self.failure

    async def _note(self, reason: str) -> None:
        """Keep the reason, also for `doctor`, as far as memory can be written."""
        if self.failure and not reason:
            log.info("commands_published", extra={"account": self._account})
        self.failure = reason
        with suppress(UserError):
            noted = (await self._memory.platform_state(PUBLICATION_FAILURES)).get(self._account, "")
            if noted != reason:
                await self._memory.set_platform_state(PUBLICATION_FAILURES, self._account, reason or None)

    async def _pause(self) -> None:
        """Wait as long as the platform asked, or for a while that a new connection ends."""
        if self._asked_wait:
            await asyncio.sleep(max(self._wait, self._asked_wait))
            return
        self._connected.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), self._wait)
