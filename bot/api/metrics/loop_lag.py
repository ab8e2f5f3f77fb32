"""The lag of the event loop: the time by which it wakes a task too late."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

INTERVAL = 1.0  # seconds between two looks
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class LoopLag:
    """Measures the lag of the running event loop every `interval` seconds."""

    def __init__(self, registry: CollectorRegistry, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._lag = Histogram(
            "alterego_event_loop_lag_seconds",
            "Seconds by which the event loop woke a task too late; measured every second.",
            registry=registry,
            buckets=_SECONDS,
        )

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._interval
            await asyncio.sleep(self._interval)
            self._lag.observe(max(0.0, loop.time() - due))
