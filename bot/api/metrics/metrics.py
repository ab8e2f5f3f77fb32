"""All metrics of a server, in a registry of its own, as Prometheus reads them."""

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from bot.api.metrics.engine_collector import EngineCollector
from bot.api.metrics.loop_lag import LoopLag
from bot.api.metrics.request_metrics import RequestMetrics
from bot.api.metrics.waiting_messages import CountWaiting, WaitingMessages
from bot.engine.interface import Status
from bot.memory.queries.records import Waiting

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Metrics of requests, engine and event loop, and of memory where `count_waiting` counts in it."""

    def __init__(
        self,
        status: Callable[[], Status],
        count_waiting: CountWaiting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = CollectorRegistry()
        self.requests = RequestMetrics(self._registry)
        self.loop_lag = LoopLag(self._registry)
        self._registry.register(EngineCollector(status))
        self._waiting = WaitingMessages(count_waiting, clock) if count_waiting else None

    async def exposition(self) -> bytes:
        """Return all metrics of this moment as text. It never waits for the engine."""
        waiting = await self._waiting.latest() if self._waiting else None
        return generate_latest(_Families(self._registry, waiting))

    def close(self) -> None:
        """End a count of waiting messages that is under way."""
        if self._waiting:
            self._waiting.close()


class _Families:
    """The families of one scrape, without the times at which the series were made."""

    def __init__(self, registry: CollectorRegistry, waiting: Waiting | None) -> None:
        self._registry, self._waiting = registry, waiting

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [each for each in family.samples if not each.name.endswith("_created")]
            yield family
        if self._waiting is not None:
            yield GaugeMetricFamily(
                "alterego_inbox_messages_waiting",
                "Messages of the platforms that were accepted and are not answered yet.",
                self._waiting.inbox,
            )
            yield GaugeMetricFamily(
                "alterego_outbox_parts_waiting",
                "Parts of replies that the platforms have not taken yet.",
                self._waiting.outbox,
            )
