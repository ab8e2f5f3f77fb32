"""Admission of waiting requests: cancelling, deadlines, refusals, and turns of adapters."""

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local.driver import (
    GUARD,
    PatchedForward,
    add_adapters,
    ask,
    finish,
    one_by_one,
    outcomes,
    request,
    settings,
    text,
    texts,
    up_to,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


async def test_a_hundred_cancelled_requests_leak_no_slot(folder: Path, tmp_path: Path) -> None:
    rng = random.Random(5)
    everything = request(1, 2000, sampling=up_to(40))  # takes the whole cache
    async with LocalEngine(settings(folder, rows=8, cache=2), tmp_path) as engine, asyncio.timeout(GUARD):
        expected = await one_by_one(engine, [everything, request(2)])

        async def cancelled(number: int) -> None:
            stream = engine.generate(
                request(number, rng.randrange(1, 60), sampling=up_to(150), n=rng.choice([1, 1, 3]))
            )
            loop = asyncio.get_running_loop()
            loop.call_later(rng.choice([0, rng.uniform(0, 1.5)]), stream.cancel)
            answers = await finish(stream)
            assert {answer.finish for answer in answers} <= {"cancelled", "length"}

        await asyncio.gather(*(cancelled(number) for number in range(100)))
        status = engine.status()
        assert (status.rows, status.running, status.queued) == (0, 0, 0)
        assert await one_by_one(engine, [everything, request(2)]) == expected


async def test_a_request_cancelled_in_the_queue_never_runs(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine, asyncio.timeout(GUARD):
        running = engine.generate(request(1, sampling=up_to(1500)))
        await anext(running)
        waiting = engine.generate(request(2))
        assert engine.status().queued == 1
        waiting.cancel()
        (answer,) = await finish(waiting)
        assert (answer.finish, answer.text, answer.tokens) == ("cancelled", "", 0)
        assert (engine.status().running, engine.status().queued) == (1, 0)
        running.cancel()


async def test_a_deadline_passes_while_a_request_waits(folder: Path, tmp_path: Path) -> None:
    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine, asyncio.timeout(GUARD):
        running = engine.generate(request(1, sampling=up_to(1500)))
        await anext(running)
        (answer,) = await finish(engine.generate(request(2, first_deadline=0.05)))
        assert (answer.finish, answer.text, answer.tokens) == ("deadline", "", 0)
        assert engine.status().running == 1
        running.cancel()


@pytest.mark.parametrize(
    ("large", "more"), [(request(1, 1900, sampling=up_to(100), n=3), {"cache": 2}), (request(1, n=4), {})]
)
async def test_a_request_that_can_never_run_is_refused_at_once_and_delays_no_other(
    folder: Path, tmp_path: Path, large: Request, more: dict[str, object]
) -> None:
    async with LocalEngine(settings(folder, rows=3, **more), tmp_path) as engine, asyncio.timeout(GUARD):
        (expected,) = await one_by_one(engine, [request(2)])
        running = engine.generate(request(3, sampling=up_to(200), n=2))
        await anext(running)
        with pytest.raises(UserError, match="not enough memory"):
            await texts(engine, large)
        assert engine.status().running == 1
        assert await outcomes(engine, [large, request(2)]) == ["UserError", expected]
        running.cancel()


async def first_tokens(engine: LocalEngine, requests: list[tuple[str, Request]]) -> list[str]:
    """The names of requests, made in this order, in the order of their first tokens."""
    seen: list[str] = []

    async def one(name: str, stream: OutputStream) -> None:
        async for _ in stream:
            if name not in seen:
                seen.append(name)

    made = [(name, engine.generate(request)) for name, request in requests]
    await asyncio.gather(*(one(name, stream) for name, stream in made))
    return seen


async def test_a_flood_for_one_adapter_delays_another_by_few_requests(
    folder: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine, asyncio.timeout(GUARD):
        await engine.ready()
        await add_adapters(engine, adapters)
        flood = [(f"a{n}", request(n, adapter="a")) for n in range(12)]
        order = await first_tokens(engine, [*flood, ("b", request(1, adapter="b")), ("none", request(1))])
        assert set(order[:4]) == {"a0", "a1", "b", "none"} or set(order[:3]) == {"a0", "b", "none"}
        assert [name for name in order if name[0] == "a"] == [name for name, _ in flood]


async def test_a_short_prompt_does_not_wait_for_a_long_one(engine: LocalEngine) -> None:
    seen: list[str] = []

    async def one(name: str, made: Request) -> None:
        async for _ in engine.generate(made):
            seen.append(name)

    prefilling, steps = threading.Event(), []

    def wait(ids: torch.Tensor, step: Any) -> None:
        steps.append(len(ids))
        if len(steps) == 2:  # the long prompt is under way
            prefilling.set()
            arrived.wait(30)

    arrived = threading.Event()
    PatchedForward(engine, wait)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one("long", request(1, 1900, sampling=up_to(5))))
        await asyncio.to_thread(prefilling.wait, 30)
        tasks.create_task(one("short", request(2, 9, sampling=up_to(5))))
        await asyncio.sleep(0)
        arrived.set()
    assert seen[0] == "short"
    assert "long" in seen


async def test_requests_are_answered_in_the_order_they_came(folder: Path, tmp_path: Path) -> None:
    done: list[int] = []

    async def one(place: int) -> None:
        await text(engine, ask())
        done.append(place)

    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine:
        await asyncio.gather(*(one(place) for place in range(6)))
    assert done == list(range(6))
