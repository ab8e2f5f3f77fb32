"""Counts of requests, and seconds of their generations."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from bot.engine.interface import Answer

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0)


class RequestMetrics:
    """Counters and histograms of the API's requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "alterego_requests",
            "Requests to the API by route and by class of status; left: the client left first.",
            ("route", "status"),
            registry=registry,
        )
        self._queued = Histogram(
            "alterego_generation_queue_seconds",
            "Seconds that generations for the API waited in the engine's queue.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._first_token = Histogram(
            "alterego_generation_first_token_seconds",
            "Seconds from submission to the first token of generations for the API.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._total = Histogram(
            "alterego_generation_seconds",
            "Seconds from submission to the end of generations for the API.",
            registry=registry,
            buckets=_SECONDS,
        )

    def count(self, route: str, status: str) -> None:
        """Count a request that ended. Both are words of this program, never of a client."""
        self._requests.labels(route, status).inc()

    def observe(self, answers: Sequence[Answer]) -> None:
        """Record the times of a generation that ended; its candidates share them."""
        timings = answers[0].timings
        self._queued.observe(timings.queued)
        if any(answer.tokens for answer in answers):
            self._first_token.observe(timings.first_token)
        self._total.observe(timings.total)
