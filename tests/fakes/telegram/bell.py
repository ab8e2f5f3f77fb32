"""A condition for tests and long polls, notified at every change."""

import asyncio
from collections.abc import Callable


class Bell:
    """Wakes everybody who waits for a condition, so that the condition is looked at again."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def ring(self) -> None:
        for event in self._waiting:
            event.set()

    async def until(self, met: Callable[[], object], seconds: float) -> bool:
        """Wait until the condition is met; False when it was not within so many seconds."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                while not met():
                    event.clear()
                    await event.wait()
            return True
        except TimeoutError:
            return bool(met())
        finally:
            self._waiting.discard(event)
