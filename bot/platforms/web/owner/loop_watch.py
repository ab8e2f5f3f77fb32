"""The lag of the event loop over the last seconds, for people who look at it now."""

import asyncio
from collections import deque

INTERVAL = 0.25  # seconds between two looks
_LOOKS = 40  # that the worst lag is taken from


class LoopWatch:
    """Measures the running event loop: the seconds by which it wakes a task too late."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval, self._lags = interval, deque([0.0], _LOOKS)
        self._task: asyncio.Task[None] | None = None

    @property
    def latest(self) -> float:
        return self._lags[-1]

    @property
    def worst(self) -> float:
        """The longest lag of the last ten seconds."""
        return max(self._lags)

    def begin(self) -> None:
        """Measure until `end`."""
        self._task = asyncio.create_task(self._watch())

    def end(self) -> None:
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._interval
            await asyncio.sleep(self._interval)
            self._lags.append(max(0.0, loop.time() - due))
