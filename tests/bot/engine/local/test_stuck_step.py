"""A step that hangs: the status and the log say so, and no caller waits past a deadline."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from bot.engine.local import local_engine
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from tests.bot.engine.local.driver import (
    answers,
    ask,
    finish,
    hang,
    one_by_one,
    outcomes,
    request,
    settings,
    texts,
    wait_until,
)


async def test_a_stuck_step_is_in_the_status_and_logged_once_with_its_end(
    engine: LocalEngine,
    release: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (expected,) = await one_by_one(engine, [request(1)])
    monkeypatch.setattr(local_engine, "STUCK_SECONDS", 0.05)
    caplog.set_level(logging.WARNING, "bot.engine.local.local_engine")
    hang(engine, release)
    running = asyncio.create_task(texts(engine, request(1)))
    await wait_until(lambda: engine.status().state == "stuck")
    await wait_until(lambda: len(caplog.messages) > 0)
    await asyncio.sleep(1.2)  # the watchdog looks every second
    assert caplog.messages == ["step_stuck"]
    release.set()
    assert await running == expected
    await wait_until(lambda: len(caplog.messages) > 1)
    assert caplog.messages[1:] == ["stuck_step_ended"]
    assert engine.status().state == "ready"
    assert await texts(engine, request(1)) == expected


async def test_requests_end_within_their_deadlines_while_a_step_hangs(
    engine: LocalEngine, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    (expected,) = await one_by_one(engine, [request(1)])
    monkeypatch.setattr(local_engine, "STUCK_SECONDS", 0.05)
    hang(engine, release)
    running = asyncio.create_task(outcomes(engine, [request(1, deadline=0.4, n=2)]))
    await wait_until(lambda: engine.status().state == "stuck")
    waiting = [request(n, first_deadline=0.1 * n) for n in range(1, 4)]
    async with asyncio.timeout(20):
        assert await outcomes(engine, waiting) == ["UserError"] * 3
        assert await running == ["UserError"]
    assert not release.is_set()
    release.set()
    assert await texts(engine, request(1)) == expected
    assert (engine.status().rows, engine.status().running, engine.status().queued) == (0, 0, 0)


async def test_a_request_past_its_deadline_in_a_stuck_step_says_that_the_model_hangs(
    engine: LocalEngine, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_engine, "STUCK_SECONDS", 0.01)
    hang(engine, release)
    with pytest.raises(UserError, match="The model hangs"):
        await texts(engine, request(1, deadline=0.2))


async def test_a_slow_step_ends_a_request_by_its_deadline_without_an_error(
    engine: LocalEngine, release: threading.Event
) -> None:
    hang(engine, release)
    (answer,) = await finish(engine.generate(request(1, deadline=0.1)))
    assert (answer.finish, answer.text) == ("deadline", "")


async def test_a_step_that_hangs_does_not_hold_the_caller(
    engine: LocalEngine, release: threading.Event
) -> None:
    hang(engine, release)
    (answer,) = await answers(engine, ask(deadline=0.1))
    assert answer.finish == "deadline"


async def test_a_step_that_hangs_does_not_hold_a_cancelled_request(
    engine: LocalEngine, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.core.output_stream.DEADLINE_GRACE", 0.05)
    hang(engine, release)
    stream = engine.generate(ask())
    stream.cancel()
    async with asyncio.timeout(10):
        assert [piece async for piece in stream] == []
    assert stream.answers[0].finish == "cancelled"


async def test_an_engine_that_is_left_while_a_step_hangs_is_abandoned(
    folder: Path, tmp_path: Path, release: threading.Event
) -> None:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await engine.ready()
        hang(engine, release)
        waiting = asyncio.create_task(answers(engine, ask()))
        await asyncio.sleep(0.05)
    assert engine.abandoned
    assert (await waiting)[0].finish == "cancelled"
