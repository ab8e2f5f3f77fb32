"""Requests, waits and faults for tests of a local engine with a tiny model."""

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Answer, Request
from bot.engine.local.local_engine import LocalEngine
from bot.message import Place
from bot.persona.persona import Sampling

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=12)
HOT = Sampling(temperature=1.5, top_p=1.0, min_p=0.0, repetition_penalty=1.2, max_tokens=12)
IDS = (1, 300, 301, 302, 303)  # of a short prompt
NO_STOP = frozenset({100_000})  # an id that the model never samples
HERE, THERE = Place("test", "bot", "here"), Place("test", "bot", "there")
GUARD = 60  # seconds: a test takes longer only when something hangs
NO_MEMORY = "DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"


def settings(folder: Path, **more: object) -> ModelSettings:
    """Settings with one thread: on two cores that others use as well, a step of many threads is slow."""
    plain = {"name": str(folder), "precision": "fp32", "context": 2048, "threads": 1, "cache": 64}
    return ModelSettings.model_validate(plain | more)


def prompt(number: int, length: int = 9) -> tuple[int, ...]:
    rng = random.Random(number)
    return tuple(rng.randrange(260, 400) for _ in range(length))


def request(number: int = 0, length: int = 9, sampling: Sampling = GREEDY, **more: Any) -> Request:
    """Return a request with a random prompt of so many tokens, the same for the same number."""
    return ask(prompt(number, length), sampling, **more)


def ask(ids: tuple[int, ...] = IDS, sampling: Sampling = GREEDY, **more: Any) -> Request:
    return Request(ids, sampling, **({"stop_ids": NO_STOP} | more))


def up_to(tokens: int, sampling: Sampling = GREEDY) -> Sampling:
    return sampling.model_copy(update={"max_tokens": tokens})


async def finish(stream: OutputStream) -> tuple[Answer, ...]:
    """Read a stream to its end; its answers equal its joined pieces."""
    texts = [""] * stream.request.n
    async for piece in stream:
        texts[piece.candidate] = piece.added_to(texts[piece.candidate])
    assert [answer.text for answer in stream.answers] == texts
    return stream.answers


async def read_rest(stream: OutputStream) -> str:
    return "".join([piece.text async for piece in stream])


async def answers(engine: LocalEngine, request: Request) -> tuple[Answer, ...]:
    return await finish(engine.generate(request))


async def texts(engine: LocalEngine, request: Request) -> list[str]:
    return [answer.text for answer in await answers(engine, request)]


async def text(engine: LocalEngine, request: Request) -> str:
    return (await texts(engine, request))[0]


async def outcomes(engine: LocalEngine, requests: Sequence[Request]) -> list[list[str] | str]:
    """Return texts or the error's class name of each request, submitted together."""
    async with asyncio.timeout(GUARD):
        found = await asyncio.gather(*(texts(engine, one) for one in requests), return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else one for one in found]


async def one_by_one(engine: LocalEngine, requests: Sequence[Request]) -> list[list[str] | str]:
    """Return the same, each request submitted after the end of the one before."""
    return [(await outcomes(engine, [one]))[0] for one in requests]


async def wait_until(condition: Callable[[], bool], pause: float = 0.01) -> None:
    async with asyncio.timeout(GUARD):
        while not condition():  # noqa: ASYNC110 -- no event tells
            await asyncio.sleep(pause)


async def add_adapters(engine: LocalEngine, adapters: dict[str, Path]) -> None:
    for name, path in adapters.items():
        await engine.add_adapter(name, path)


class PatchedForward:
    """The model's forward pass with a call of `before(ids, step)` first, which may raise or wait."""

    def __init__(self, engine: LocalEngine, before: Callable[[torch.Tensor, Any], None]) -> None:
        assert engine.loaded is not None
        self._model = engine.loaded.model
        forward = self._model.forward

        def patched(input_ids: torch.Tensor, logits_to_keep: object = 0, **more: Any) -> Any:
            before(input_ids[0], more["step"])
            return forward(input_ids=input_ids, logits_to_keep=logits_to_keep, **more)

        self._model.forward = patched

    def undo(self) -> None:
        self._model.__dict__.pop("forward", None)


def raise_whenever(condition: Callable[[torch.Tensor, Any], bool], error: BaseException) -> Any:
    """Return a `before` that raises in every step that meets a condition."""

    def before(ids: torch.Tensor, step: Any) -> None:
        if condition(ids, step):
            raise error

    return before


def raise_in_step(number: int, error: Exception) -> Any:
    """Return a `before` that raises in one step only."""
    steps = iter(range(1 << 30))

    def before(ids: torch.Tensor, step: Any) -> None:
        if next(steps) == number:
            raise error

    return before


def hang(engine: LocalEngine, release: threading.Event) -> PatchedForward:
    """Make every step wait for the event."""

    def wait(ids: torch.Tensor, step: Any) -> None:
        release.wait(30)

    return PatchedForward(engine, wait)


class FailingCall:
    """A function that runs out of memory at one of its calls on the engine's thread."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: object, name: str, number: int = 0) -> None:
        original, self._calls_left = getattr(owner, name), number

        def call(*arguments: Any, **more: Any) -> Any:
            if threading.current_thread().name == "engine":
                self._calls_left -= 1
                if self._calls_left == -1:
                    raise RuntimeError(NO_MEMORY)
            return original(*arguments, **more)

        patch.setattr(owner, name, call)

    @property
    def raised(self) -> bool:
        return self._calls_left < 0


# Requests of different lengths, adapters, numbers of candidates and samplings.
MIXED = (
    request(1, 200, n=2),
    request(2, 3, adapter="a"),
    request(3, 40, adapter="b", strength=0.5),
    request(4, 9, HOT, seed=4, n=3),
    request(5, 1, HOT, seed=5, adapter="a"),
)
