"""Typing as people see it: shown while an answer is awaited, and not beside words of the answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from bot.message import Place


class TypingIndicator:
    """Runs a platform's typing calls in one task a place.

    A platform shows typing for seconds after the last call, and a webhook's message does not end it: the
    calls must end before anything of the answer is visible.
    """

    def __init__(self, keep_typing: Callable[[Place], Coroutine[None, None, None]]) -> None:
        """`keep_typing` makes calls until it is cancelled."""
        self._keep_typing = keep_typing
        self._tasks: dict[Place, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def shown(self, place: Place) -> AsyncIterator[None]:
        """Show typing at once, until `stop` or the end of the context; nothing waits for the calls."""
        self._tasks[place] = task = asyncio.create_task(self._keep_typing(place))
        try:
            yield
        finally:
            task.cancel()
            if self._tasks.get(place) is task:
                del self._tasks[place]
            await asyncio.wait([task])

    def stop(self, place: Place) -> None:
        """Make no further call: something of the answer is about to be visible."""
        if task := self._tasks.get(place):
            task.cancel()
