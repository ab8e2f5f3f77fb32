"""The engine's status as metrics, read at each scrape."""

from collections.abc import Callable, Iterator
from typing import get_args, get_type_hints

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from bot.engine.interface import Status

_STATES: tuple[str, ...] = get_args(get_type_hints(Status)["state"])
_GAUGES: dict[str, tuple[str, Callable[[Status], float]]] = {
    "requests_running": ("Requests that run.", lambda status: status.running),
    "requests_queued": ("Requests that wait in the queue.", lambda status: status.queued),
    "rows": ("Sequences that run: one for each candidate of a request.", lambda status: status.rows),
    "tokens_per_second": (
        "Tokens of all answers together in a second, over the last 10 seconds.",
        lambda status: status.tokens_per_second,
    ),
    "prefix_cache_hit_ratio": (
        "Share of all prompt tokens that were found in the prefix cache, 0 to 1.",
        lambda status: status.hit_rate,
    ),
    "adapters": ("Adapters that are registered.", lambda status: len(status.adapters)),
}
_COUNTERS: dict[str, tuple[str, Callable[[Status], int]]] = {
    "requests_answered": ("Requests that ended without an error.", lambda status: status.answered),
    "prompt_tokens": ("Tokens of prompts.", lambda status: status.prompt_tokens),
    "reused_prompt_tokens": (
        "Tokens of prompts that were found in the prefix cache.",
        lambda status: status.reused_tokens,
    ),
    "answer_tokens": ("Tokens drawn for answers, with their thoughts.", lambda status: status.drawn_tokens),
}


class EngineCollector:
    """Reads `status` at each scrape. It counts the requests of platforms and API alike."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment."""
        status = self._status()
        yield _state(status)
        yield _memory(status)
        for name, (meaning, gauge) in _GAUGES.items():
            yield GaugeMetricFamily(f"alterego_engine_{name}", meaning, gauge(status))
        for name, (meaning, counter) in _COUNTERS.items():
            yield CounterMetricFamily(f"alterego_engine_{name}", meaning, counter(status))


def _state(status: Status) -> Metric:
    family = GaugeMetricFamily("alterego_engine_state", "1 for the engine's state, else 0.", labels=["state"])
    for state in _STATES:
        family.add_metric([state], state == status.state)
    return family


def _memory(status: Status) -> Metric:
    family = GaugeMetricFamily(
        "alterego_engine_memory_bytes", "Bytes of memory that the engine's parts take.", labels=["part"]
    )
    for part, size in status.memory.items():
        family.add_metric([part.replace(" ", "_")], size)
    return family
