"""Metrics beside those of requests: the engine's status, the event loop, messages that wait in memory."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.api.metrics.engine_collector import EngineCollector
from bot.api.metrics.loop_lag import LoopLag
from bot.api.metrics.metrics import Metrics
from bot.api.metrics.waiting_messages import INTERVAL, WaitingMessages
from bot.engine.interface import Status
from bot.errors import UserError
from bot.memory.queries.records import Waiting
from bot.memory.store import Memory
from tests.faults.memory_story import answer, said
from tests.paths import ROOT

STATUS = Status(
    "stuck",
    "a/model",
    running=2,
    queued=3,
    answered=4,
    tokens_per_second=12.5,
    adapters=("mara", "ozzo"),
    rows=5,
    hit_rate=0.25,
    memory={"weights": 1000, "prefix cache": 24},
    prompt_tokens=80,
    reused_tokens=20,
    drawn_tokens=7,
)
SAMPLES = """
state{state="loading"} 0.0
state{state="ready"} 0.0
state{state="stuck"} 1.0
state{state="restarting"} 0.0
state{state="failed"} 0.0
state{state="stopped"} 0.0
memory_bytes{part="weights"} 1000.0
memory_bytes{part="prefix_cache"} 24.0
requests_running 2.0
requests_queued 3.0
rows 5.0
tokens_per_second 12.5
prefix_cache_hit_ratio 0.25
adapters 2.0
requests_answered_total 4.0
prompt_tokens_total 80.0
reused_prompt_tokens_total 20.0
answer_tokens_total 7.0
""".strip().splitlines()


class Clock:
    """A clock whose seconds the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with Memory(tmp_path / "memory.db", lambda: 1000.0) as opened:
        yield opened


async def waiting(metrics: Metrics) -> list[str]:
    lines = (await metrics.exposition()).decode().splitlines()
    return [line for line in lines if line.startswith(("alterego_inbox", "alterego_outbox"))]


def test_the_engines_status_is_told_whole() -> None:
    registry = CollectorRegistry()
    registry.register(EngineCollector(lambda: STATUS))
    lines = generate_latest(registry).decode().splitlines()
    told = [line.removeprefix("alterego_engine_") for line in lines if not line.startswith("#")]
    assert told == SAMPLES


async def test_a_loop_that_was_held_up_lags() -> None:
    registry = CollectorRegistry()
    watching = asyncio.create_task(LoopLag(registry, interval=0.3).watch())
    await asyncio.sleep(0)
    time.sleep(0.7)  # noqa: ASYNC251
    for _ in range(5):
        await asyncio.sleep(0)
    watching.cancel()
    count, late = "alterego_event_loop_lag_seconds_count", "alterego_event_loop_lag_seconds_bucket"
    assert registry.get_sample_value(count) == 1
    assert registry.get_sample_value(late, {"le": "0.25"}) == 0


async def test_waiting_messages_and_parts_are_told_where_there_is_a_memory(memory: Memory) -> None:
    for number in (1, 2, 3):
        await memory.accept(said(number))
    await answer(memory, ["m1"], "r1")
    told = ["alterego_inbox_messages_waiting 2.0", "alterego_outbox_parts_waiting 1.0"]
    assert await waiting(Metrics(lambda: STATUS, memory.waiting)) == told
    assert await waiting(Metrics(lambda: STATUS)) == []


async def test_each_metric_stands_in_the_documentation(memory: Memory) -> None:
    families = re.findall(
        r"^# TYPE (\S+)", (await Metrics(lambda: STATUS, memory.waiting).exposition()).decode(), re.M
    )
    page = (ROOT / "docs/api.md").read_text("utf-8")
    assert sorted(families) == sorted(re.findall(r"`(alterego_\w+[a-z])`", page))


async def test_many_scrapes_count_once_in_five_seconds(memory: Memory) -> None:
    clock = Clock()
    messages = WaitingMessages(memory.waiting, clock)
    await memory.accept(said(1))
    assert await asyncio.gather(*(messages.latest() for _ in range(20))) == [Waiting(1, 0)] * 20
    await memory.accept(said(2))
    clock.now += INTERVAL - 0.1
    assert await messages.latest() == Waiting(1, 0)
    clock.now += 0.2
    assert await messages.latest() == Waiting(2, 0)


async def test_a_memory_that_hangs_is_asked_once_and_holds_up_no_scrape() -> None:
    asked: list[asyncio.Event] = []

    async def hang() -> Waiting:
        asked.append(asyncio.Event())
        await asked[-1].wait()
        return Waiting(1, 2)

    clock = Clock()
    messages = WaitingMessages(hang, clock, patience=0.01)
    for _ in range(3):
        assert await messages.latest() is None
        clock.now += INTERVAL
    (event,) = asked
    event.set()
    await asyncio.sleep(0.01)
    clock.now -= INTERVAL * 3
    assert await messages.latest() == Waiting(1, 2)


async def test_a_memory_that_refuses_leaves_its_metrics_out() -> None:
    async def refuse() -> Waiting:
        raise UserError("The disk is full.")

    assert await waiting(Metrics(lambda: STATUS, refuse)) == []
