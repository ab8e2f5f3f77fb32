"""What goes wrong while many answer: at most the one that it concerns fails, and everybody else is right."""

import asyncio
import logging
import random
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import torch

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Answer, Request
from bot.engine.local import local_engine
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from bot.message import Place
from bot.persona.persona import Sampling
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=12)
HOT = Sampling(temperature=1.5, top_p=1.0, min_p=0.0, repetition_penalty=1.2, max_tokens=12)
NO_STOP = frozenset({100_000})  # an id that never comes
POISON = 17  # an id that the tests make trouble with
HERE, THERE = Place("test", "bot", "here"), Place("test", "bot", "there")
GUARD = 60  # seconds: no test takes as long unless something hangs
NO_MEMORY = "DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapters(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for seed, name in enumerate(("a", "b")):
        made[name] = tiny.save_adapter(tmp_path_factory.mktemp(name), folder, seed, r=4 * (seed + 1))
    return made


@pytest.fixture
async def engine(folder: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await engine.ready()
        yield engine


def settings(folder: Path, **more: object) -> ModelSettings:
    """One thread: two cores that others use as well make a step of many threads slow."""
    plain = {"name": str(folder), "precision": "fp32", "context": 2048, "threads": 1, "cache": 64}
    return ModelSettings.model_validate(plain | more)


def prompt(number: int, length: int = 9) -> tuple[int, ...]:
    dice = random.Random(number)
    return tuple(dice.randrange(260, 400) for _ in range(length))


def request(number: int = 0, length: int = 9, sampling: Sampling = GREEDY, **more: Any) -> Request:
    return Request(prompt(number, length), sampling, **({"stop_ids": NO_STOP} | more))


def lasting(tokens: int = 1500) -> Sampling:
    return GREEDY.model_copy(update={"max_tokens": tokens})


async def finish(generation: OutputStream) -> tuple[Answer, ...]:
    parts = [""] * generation.request.n
    async for piece in generation:
        parts[piece.candidate] += piece.text
    assert [answer.text for answer in generation.answers] == parts
    return generation.answers


async def finish_rest(generation: OutputStream) -> None:
    async for _ in generation:
        pass


async def texts(engine: LocalEngine, request: Request) -> list[str]:
    return [answer.text for answer in await finish(engine.generate(request))]


async def outcomes(engine: LocalEngine, requests: list[Request]) -> list[list[str] | str]:
    """Of requests that are made at once: the texts, or what the error is called."""
    async with asyncio.timeout(GUARD):
        made = await asyncio.gather(*(texts(engine, one) for one in requests), return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else one for one in made]


async def until(condition: Callable[[], bool], pause: float = 0.01) -> None:
    async with asyncio.timeout(GUARD):
        while not condition():  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(pause)


async def each(engine: LocalEngine, requests: list[Request]) -> list[list[str] | str]:
    """The same, one after the other."""
    return [(await outcomes(engine, [one]))[0] for one in requests]


class Forward:
    """The model's forward pass with something before it: `before(ids, step)` may raise or wait."""

    def __init__(self, engine: LocalEngine, before: Callable[[torch.Tensor, Any], None]) -> None:
        assert engine.loaded is not None
        self._model = engine.loaded.model
        forward = self._model.forward

        def changed(input_ids: torch.Tensor, logits_to_keep: object = 0, **more: Any) -> Any:
            before(input_ids[0], more["step"])
            return forward(input_ids=input_ids, logits_to_keep=logits_to_keep, **more)

        self._model.forward = changed

    def mend(self) -> None:
        self._model.__dict__.pop("forward", None)


def lasting_trouble(what: Callable[[torch.Tensor, Any], bool], error: Exception) -> Any:
    """Raise whenever a step is like that."""

    def before(ids: torch.Tensor, step: Any) -> None:
        if what(ids, step):
            raise error

    return before


def passing_trouble(number: int, error: Exception) -> Any:
    """Raise in one step only."""
    steps = iter(range(1 << 30))

    def before(ids: torch.Tensor, step: Any) -> None:
        if next(steps) == number:
            raise error

    return before


MIXED = [
    request(1, 200, n=2),
    request(2, 3, adapter="a"),
    request(3, 40, adapter="b", strength=0.5),
    request(4, 9, HOT, seed=4, n=3),
    request(5, 1, HOT, seed=5, adapter="a"),
]


async def load(engine: LocalEngine, adapters: dict[str, Path]) -> None:
    for name, path in adapters.items():
        await engine.add_adapter(name, path)


# Out of memory, and errors of one row.


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 13])
@pytest.mark.parametrize("error", [RuntimeError(NO_MEMORY), MemoryError(), KeyError("a bug")])
async def test_trouble_in_one_step_fails_nobody_among_many(
    engine: LocalEngine, adapters: dict[str, Path], number: int, error: Exception
) -> None:
    await load(engine, adapters)
    wanted = await each(engine, MIXED)
    Forward(engine, passing_trouble(number, error))
    assert await outcomes(engine, MIXED) == wanted


async def test_what_is_too_large_beside_others_is_answered_alone(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await load(engine, adapters)
    wanted = await each(engine, MIXED)
    Forward(engine, lasting_trouble(lambda ids, step: len(step.spans) > 3, RuntimeError(NO_MEMORY)))
    assert await outcomes(engine, MIXED) == wanted


@pytest.mark.parametrize("error", [RuntimeError(NO_MEMORY), IndexError("a bug")])
@pytest.mark.parametrize("length", [9, 90])
async def test_an_error_of_one_row_fails_its_request_only(
    engine: LocalEngine, adapters: dict[str, Path], error: Exception, length: int
) -> None:
    await load(engine, adapters)
    wanted = await each(engine, MIXED)
    bad = Request((*prompt(8, length), POISON), GREEDY, stop_ids=NO_STOP)
    Forward(engine, lasting_trouble(lambda ids, step: bool((ids == POISON).any()), error))
    kind = "UserError" if isinstance(error, RuntimeError) else "IndexError"
    assert await outcomes(engine, [*MIXED[:2], bad, *MIXED[2:]]) == [*wanted[:2], kind, *wanted[2:]]


async def test_an_error_behind_the_first_tokens_fails_one_request_only(engine: LocalEngine) -> None:
    requests = [request(n, 5 + 30 * n, n=1 + n % 2) for n in range(4)]
    wanted = await each(engine, requests)
    long = len(prompt(3, 95)) + 4

    def too_long(ids: torch.Tensor, step: Any) -> bool:
        return any(span.row.length >= long for span in step.spans)

    Forward(engine, lasting_trouble(too_long, RuntimeError(NO_MEMORY)))
    assert await outcomes(engine, requests) == [*wanted[:3], "UserError"]


async def test_a_prompt_that_fits_once_nothing_is_remembered_is_answered(engine: LocalEngine) -> None:
    (wanted,) = await each(engine, [request(1)])
    await texts(engine, request(2, place=HERE))
    assert engine.loaded is not None

    def crowded(ids: torch.Tensor, step: Any) -> bool:
        return engine.status().memory["prefix cache"] > 0

    Forward(engine, lasting_trouble(crowded, RuntimeError(NO_MEMORY)))
    assert await outcomes(engine, [request(1)]) == [wanted]


class Failing:
    """A function of torch that raises at one of its calls on the engine's thread."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: object, name: str, number: int = 0) -> None:
        original, self.left = getattr(owner, name), number

        def call(*arguments: Any, **more: Any) -> Any:
            if threading.current_thread().name == "engine":
                self.left -= 1
                if self.left == -1:
                    raise RuntimeError(NO_MEMORY)
            return original(*arguments, **more)

        patch.setattr(owner, name, call)

    @property
    def raised(self) -> bool:
        return self.left < 0


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_running_out_of_memory_in_a_draw_changes_no_answer(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    requests = [request(n, 9, HOT.model_copy(update={"min_tokens": n}), seed=n, n=2) for n in range(3)]
    wanted = await each(engine, requests)
    failing = Failing(monkeypatch, torch, "searchsorted", number)
    assert await outcomes(engine, requests) == wanted
    assert failing.raised


@pytest.mark.parametrize(("name", "number"), [("cat", 0), ("tensor", 0), ("tensor", 1)])
async def test_running_out_of_memory_at_the_door_takes_nobody_else_s_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    wordy = GREEDY.model_copy(update={"repetition_penalty": 1.1})
    large = Request(tuple(range(260, 290)), wordy, n=3, stop_ids=NO_STOP)
    async with LocalEngine(settings(folder, rows=3), tmp_path) as engine:
        await engine.ready()
        failing = Failing(monkeypatch, torch, name, number)
        assert await outcomes(engine, [large]) == ["UserError"]
        assert failing.raised
        assert not isinstance((await outcomes(engine, [large]))[0], str)


@pytest.mark.parametrize("number", range(4))
async def test_running_out_of_memory_during_a_fork_fails_at_most_that_request(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    requests = [request(1, 20), request(2, 30, n=3), request(3, 40)]
    wanted = await each(engine, requests)
    failing = Failing(monkeypatch, torch.Tensor, "clone", number)
    got = await outcomes(engine, requests)
    assert failing.raised
    assert [got[0], got[2]] == [wanted[0], wanted[2]]
    assert got[1] in (wanted[1], "UserError")
    assert await outcomes(engine, requests) == wanted


async def test_running_out_of_memory_when_an_answer_is_remembered_harms_nobody(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [request(1, 20, place=HERE), request(2, 30)]
    wanted = await each(engine, requests)
    await engine.forget(HERE)
    failing = Failing(monkeypatch, torch.Tensor, "clone")
    assert await outcomes(engine, requests) == wanted
    assert failing.raised
    assert engine.status().memory["prefix cache"] == 0
    assert await outcomes(engine, requests) == wanted
    assert engine.status().memory["prefix cache"] > 0


@pytest.mark.parametrize("number", [0, 1, 5, 8])
async def test_running_out_of_memory_while_an_adapter_is_laid_out_harms_no_other(
    engine: LocalEngine, adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    await load(engine, adapters)
    requests = [request(1, adapter="a"), request(2), request(3, adapter="b"), request(4, adapter="a")]
    wanted = await each(engine, requests)
    await engine.add_adapter("a", adapters["b"])
    await engine.add_adapter("b", adapters["a"])
    swapped = await each(engine, requests)
    await load(engine, adapters)
    running = engine.generate(request(1, sampling=lasting(40), adapter="a"))
    await anext(running)
    assert swapped != wanted
    await engine.add_adapter("large", tiny_adapter(engine, adapters, 16))
    failing = Failing(monkeypatch, torch.Tensor, "new_zeros", number)
    (got,) = await outcomes(engine, [request(5, adapter="large")])
    assert failing.raised
    assert got == "UserError"
    assert await outcomes(engine, requests) == wanted
    assert not isinstance((await outcomes(engine, [request(5, adapter="large")]))[0], str)
    await finish_rest(running)


def tiny_adapter(engine: LocalEngine, adapters: dict[str, Path], rank: int) -> Path:
    base, folder = Path(engine.status().model), adapters["a"].parent / f"rank {rank}"
    return tiny.save_adapter(folder, base, 9, r=rank, target_modules="all-linear")


# No numbers.


def poison(engine: LocalEngine) -> None:
    """One word makes everything that is computed from it no number, keys and values too."""
    assert engine.loaded is not None
    with torch.inference_mode():
        engine.loaded.model.get_input_embeddings().weight[POISON] = float("nan")


async def test_output_that_is_no_number_fails_one_request_among_many(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await load(engine, adapters)
    wanted = await each(engine, MIXED)
    poison(engine)
    bad = Request((*prompt(8), POISON), GREEDY, stop_ids=NO_STOP, n=2)
    assert await outcomes(engine, [*MIXED[:3], bad, *MIXED[3:]]) == [*wanted[:3], "UserError", *wanted[3:]]


@pytest.mark.parametrize("ends", ["by itself", "cancelled"])
async def test_what_is_no_number_does_not_stay_for_the_next_row_in_its_slot(
    engine: LocalEngine, ends: str
) -> None:
    """Rows of one page are read together, to the length of the longest."""
    others = [request(n, 150 - 40 * n) for n in range(4)]
    wanted = await each(engine, others)
    poison(engine)
    bad = [Request((POISON, *prompt(n, 180)), GREEDY, stop_ids=NO_STOP, place=HERE) for n in range(4)]
    if ends == "cancelled":
        Forward(engine, lambda ids, step: sleep(0.05))  # long enough to be seen at work
        generations = [engine.generate(one) for one in bad]
        await until(lambda: engine.status().rows == 4, pause=0)
        for generation in generations:
            generation.cancel()
        await asyncio.gather(*(finish(generation) for generation in generations), return_exceptions=True)
    else:
        assert await outcomes(engine, bad) == ["UserError"] * 4
    assert await outcomes(engine, others) == wanted


# A step that hangs.


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def hang(engine: LocalEngine, release: threading.Event) -> Forward:
    def wait(ids: torch.Tensor, step: Any) -> None:
        release.wait(30)

    return Forward(engine, wait)


async def test_a_step_that_hangs_is_noticed_told_once_and_over_some_time(
    engine: LocalEngine,
    release: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (wanted,) = await each(engine, [request(1)])
    monkeypatch.setattr(local_engine, "STUCK_SECONDS", 0.05)
    caplog.set_level(logging.WARNING, "bot.engine.local.local_engine")
    hang(engine, release)
    running = asyncio.create_task(texts(engine, request(1)))
    await until(lambda: engine.status().state == "stuck")
    await until(lambda: len(caplog.messages) > 0)
    await asyncio.sleep(1.2)  # the watchdog looks every second
    assert caplog.messages == ["step_stuck"]
    release.set()
    assert await running == wanted
    await until(lambda: len(caplog.messages) > 1)
    assert caplog.messages[1:] == ["stuck_step_ended"]
    assert engine.status().state == "ready"
    assert await texts(engine, request(1)) == wanted


async def test_requests_end_within_their_deadlines_while_a_step_hangs(
    engine: LocalEngine, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    (wanted,) = await each(engine, [request(1)])
    monkeypatch.setattr(local_engine, "STUCK_SECONDS", 0.05)
    hang(engine, release)
    running = asyncio.create_task(outcomes(engine, [request(1, deadline=0.4, n=2)]))
    await until(lambda: engine.status().state == "stuck")
    waiting = [request(n, first_deadline=0.1 * n) for n in range(1, 4)]
    async with asyncio.timeout(20):
        assert await outcomes(engine, waiting) == ["UserError"] * 3
        assert await running == ["UserError"]
    assert not release.is_set()
    release.set()
    assert await texts(engine, request(1)) == wanted
    assert (engine.status().rows, engine.status().running, engine.status().queued) == (0, 0, 0)


async def test_a_hanging_model_is_named_to_those_who_wait(
    engine: LocalEngine, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_engine, "STUCK_SECONDS", 0.01)
    hang(engine, release)
    with pytest.raises(UserError, match="The model hangs"):
        await texts(engine, request(1, deadline=0.2))


async def test_a_slow_step_is_a_deadline_and_not_an_error(
    engine: LocalEngine, release: threading.Event
) -> None:
    hang(engine, release)
    (answer,) = await finish(engine.generate(request(1, deadline=0.1)))
    assert (answer.finish, answer.text) == ("deadline", "")


# Adapters that come, break and go.


async def test_an_adapter_that_breaks_while_loading_harms_nobody(
    engine: LocalEngine, adapters: dict[str, Path], tmp_path: Path
) -> None:
    await load(engine, adapters)
    requests = [request(n, adapter=name, sampling=lasting(60)) for n, name in enumerate(("a", None, "b"))]
    wanted = await each(engine, requests)
    broken = Path(shutil.copytree(adapters["b"], tmp_path / "broken"))
    content = (broken / "adapter_model.safetensors").read_bytes()
    (broken / "adapter_model.safetensors").write_bytes(content[: len(content) // 2])
    answering = asyncio.create_task(outcomes(engine, requests))
    await until(lambda: engine.status().running == 3)
    with pytest.raises(UserError, match='"a" was not loaded'):
        await engine.add_adapter("a", broken)
    assert await answering == wanted
    assert engine.status().adapters == ("a", "b")
    assert await outcomes(engine, requests) == wanted


@pytest.mark.parametrize("change", ["replace", "drop"])
async def test_rows_end_under_the_adapter_that_they_began_with(
    engine: LocalEngine, adapters: dict[str, Path], change: str
) -> None:
    await engine.add_adapter("a", adapters["b"])
    new = await each(engine, [request(1, adapter="a")])
    await engine.add_adapter("a", adapters["a"])
    lasts = [request(n, adapter="a", sampling=lasting(100), place=HERE) for n in range(3)]
    wanted = await each(engine, lasts)
    generations = [engine.generate(one) for one in lasts]
    first = [(await anext(generation)).text for generation in generations]
    if change == "replace":
        await engine.add_adapter("a", adapters["b"])
    else:
        await engine.drop_adapter("a")
    assert engine.status().running == 3
    later = await outcomes(engine, [request(1, adapter="a")])
    assert later == (new if change == "replace" else ["UserError"])
    rest = ["".join([piece.text async for piece in generation]) for generation in generations]
    assert [[one + more] for one, more in zip(first, rest, strict=True)] == wanted


async def test_nothing_stays_of_an_adapter_that_was_dropped_while_rows_ran(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await engine.add_adapter("a", adapters["a"])
    generation = engine.generate(request(1, adapter="a", sampling=lasting(100), place=HERE))
    await anext(generation)
    await engine.drop_adapter("a")
    await finish_rest(generation)
    assert engine.status().memory["prefix cache"] == 0


# Cancelling, deadlines, and who comes when.


async def test_a_storm_of_cancellations_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    dice = random.Random(5)
    everything = request(1, 2000, sampling=lasting(40))  # takes the whole cache
    async with LocalEngine(settings(folder, rows=8, cache=2), tmp_path) as engine, asyncio.timeout(GUARD):
        wanted = await each(engine, [everything, request(2)])

        async def cancelled(number: int) -> None:
            generation = engine.generate(
                request(number, dice.randrange(1, 60), sampling=lasting(150), n=dice.choice([1, 1, 3]))
            )
            loop = asyncio.get_running_loop()
            loop.call_later(dice.choice([0, dice.uniform(0, 1.5)]), generation.cancel)
            answers = await finish(generation)
            assert {answer.finish for answer in answers} <= {"cancelled", "length"}

        await asyncio.gather(*(cancelled(number) for number in range(100)))
        status = engine.status()
        assert (status.rows, status.running, status.queued) == (0, 0, 0)
        assert await each(engine, [everything, request(2)]) == wanted


async def test_a_request_that_is_cancelled_while_it_waits_is_never_begun(
    folder: Path, tmp_path: Path
) -> None:
    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine, asyncio.timeout(GUARD):
        running = engine.generate(request(1, sampling=lasting()))
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
        running = engine.generate(request(1, sampling=lasting()))
        await anext(running)
        (answer,) = await finish(engine.generate(request(2, first_deadline=0.05)))
        assert (answer.finish, answer.text, answer.tokens) == ("deadline", "", 0)
        assert engine.status().running == 1
        running.cancel()


@pytest.mark.parametrize(
    ("large", "more"), [(request(1, 1900, sampling=lasting(100), n=3), {"cache": 2}), (request(1, n=4), {})]
)
async def test_what_could_never_run_is_refused_at_once_and_holds_nobody_up(
    folder: Path, tmp_path: Path, large: Request, more: dict[str, object]
) -> None:
    async with LocalEngine(settings(folder, rows=3, **more), tmp_path) as engine, asyncio.timeout(GUARD):
        (wanted,) = await each(engine, [request(2)])
        running = engine.generate(request(3, sampling=lasting(200), n=2))
        await anext(running)
        with pytest.raises(UserError, match="not enough memory"):
            await texts(engine, large)
        assert engine.status().running == 1
        assert await outcomes(engine, [large, request(2)]) == ["UserError", wanted]
        running.cancel()


async def first_tokens(engine: LocalEngine, requests: list[tuple[str, Request]]) -> list[str]:
    """The names of requests, made in this order, in the order of their first tokens."""
    seen: list[str] = []

    async def one(name: str, generation: OutputStream) -> None:
        async for _ in generation:
            if name not in seen:
                seen.append(name)

    made = [(name, engine.generate(request)) for name, request in requests]
    await asyncio.gather(*(one(name, generation) for name, generation in made))
    return seen


async def test_a_flood_for_one_adapter_delays_another_by_few(
    folder: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    async with LocalEngine(settings(folder, rows=1), tmp_path) as engine, asyncio.timeout(GUARD):
        await engine.ready()
        await load(engine, adapters)
        flood = [(f"a{n}", request(n, adapter="a")) for n in range(12)]
        order = await first_tokens(engine, [*flood, ("b", request(1, adapter="b")), ("none", request(1))])
        assert set(order[:4]) == {"a0", "a1", "b", "none"} or set(order[:3]) == {"a0", "b", "none"}
        assert [name for name in order if name[0] == "a"] == [name for name, _ in flood]


async def test_a_short_prompt_does_not_wait_for_a_long_one(engine: LocalEngine) -> None:
    seen: list[str] = []

    async def one(name: str, made: Request) -> None:
        async for _ in engine.generate(made):
            seen.append(name)

    begun, steps = threading.Event(), []

    def wait(ids: torch.Tensor, step: Any) -> None:
        steps.append(len(ids))
        if len(steps) == 2:  # the long prompt is under way
            begun.set()
            arrived.wait(30)

    arrived = threading.Event()
    Forward(engine, wait)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one("long", request(1, 1900, sampling=lasting(5))))
        await asyncio.to_thread(begun.wait, 30)
        tasks.create_task(one("short", request(2, 9, sampling=lasting(5))))
        await asyncio.sleep(0)
        arrived.set()
    assert seen[0] == "short"
    assert "long" in seen


# What is remembered of a place.


async def test_a_place_that_was_forgotten_leaves_nothing(engine: LocalEngine) -> None:
    await texts(engine, request(1, place=HERE))
    assert engine.status().memory["prefix cache"] > 0
    await engine.forget(HERE)
    assert engine.status().memory["prefix cache"] == 0


async def test_forgetting_a_place_leaves_the_others(engine: LocalEngine) -> None:
    await texts(engine, request(1, 50, place=THERE))
    remembered = engine.status().memory["prefix cache"]
    await texts(engine, request(1, 50, place=HERE))
    assert engine.status().hit_rate == 0
    await engine.forget(HERE)
    assert engine.status().memory["prefix cache"] == remembered
    await texts(engine, request(1, 50, place=THERE))
    assert engine.status().hit_rate > 0


@pytest.mark.parametrize("rows", [1, 4])
async def test_what_runs_or_waits_while_its_place_is_forgotten_is_not_remembered(
    folder: Path, tmp_path: Path, rows: int
) -> None:
    async with LocalEngine(settings(folder, rows=rows), tmp_path) as engine, asyncio.timeout(GUARD):
        generations = [engine.generate(request(n, sampling=lasting(60), place=HERE)) for n in range(3)]
        await anext(generations[0])
        await engine.forget(HERE)
        for generation in generations:
            await finish_rest(generation)
        assert engine.status().memory["prefix cache"] == 0
        await texts(engine, request(5, place=HERE))
        assert engine.status().memory["prefix cache"] > 0


async def test_a_place_is_never_helped_by_another(engine: LocalEngine, adapters: dict[str, Path]) -> None:
    await load(engine, adapters)
    for place, adapter, strength in (
        (HERE, None, 1.0),
        (THERE, None, 1.0),
        (None, None, 1.0),
        (HERE, "a", 1.0),
        (HERE, "a", 0.5),
        (HERE, "b", 1.0),
        (THERE, "a", 1.0),
    ):
        await texts(engine, request(1, 50, place=place, adapter=adapter, strength=strength))
        assert engine.status().hit_rate == 0
    await texts(engine, request(1, 50, place=HERE, adapter="a"))
    assert engine.status().hit_rate == pytest.approx(49 / 400)


async def test_a_shared_beginning_outlives_its_place_and_not_its_adapter(
    engine: LocalEngine, adapters: dict[str, Path]
) -> None:
    await load(engine, adapters)
    await texts(engine, request(1, 100, place=HERE, adapter="a", shared=60))
    await engine.forget(HERE)
    kept = engine.status().memory["prefix cache"]
    assert kept > 0
    await texts(engine, request(1, 100, place=THERE, adapter="b", shared=60))
    assert engine.status().hit_rate == 0
    await texts(engine, request(1, 100, place=THERE, adapter="a", shared=60))
    assert engine.status().hit_rate == pytest.approx(60 / 300)
    await engine.forget(THERE)
    await engine.drop_adapter("b")
    assert engine.status().memory["prefix cache"] == kept
    await engine.drop_adapter("a")
    assert engine.status().memory["prefix cache"] == 0


async def test_a_follow_up_is_answered_as_if_nothing_were_remembered(engine: LocalEngine) -> None:
    ids, plain = prompt(1, 60), [prompt(1, 60)]
    for turn in range(4):
        (text,) = await texts(engine, Request(ids, GREEDY, place=HERE, stop_ids=NO_STOP))
        assert [text] == await texts(engine, Request(ids, GREEDY, stop_ids=NO_STOP))
        ids = (*ids, *prompt(2 + turn, 15))
        plain.append(ids)
    assert engine.status().hit_rate > 0.3
