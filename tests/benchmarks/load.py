"""Requests for the engine that is measured, and the rates at which it answers them."""

import asyncio
import random
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.stats import EngineStats
from bot.engine.interface import Answer, Request
from bot.engine.local.local_engine import LocalEngine
from bot.message import Place
from bot.persona.persona import Sampling

T = TypeVar("T")

PROMPT = 200  # tokens
CONTEXT = 8192  # what SmolLM2 reads
NEVER = frozenset({1 << 30})  # no token ends an answer
_PATIENT = 3600.0


@dataclass(frozen=True, slots=True)
class Rate:
    """One go. `decode`: tokens/s once all rows have one; `overall`: with the prompts; `first`: seconds."""

    decode: float
    overall: float
    first: float


def ids(number: int, length: int = PROMPT) -> tuple[int, ...]:
    """A prompt: the same for the same number, another from the first token on for another."""
    rng = random.Random(number)
    return tuple(rng.randrange(1000, 40_000) for _ in range(length))


def ask(
    number: int,
    adapter: str | None = None,
    *,
    tokens: int,
    prompt: tuple[int, ...] = (),
    place: Place | None = None,
    temperature: float = 0.0,
) -> Request:
    """A request whose answer has so many tokens."""
    penalty = 1.1 if temperature else 1.0
    return Request(
        prompt or ids(number),
        Sampling(temperature=temperature, repetition_penalty=penalty, max_tokens=tokens),
        adapter=adapter,
        place=place,
        stop_ids=NEVER,
        seed=number,
        first_deadline=_PATIENT,
        deadline=_PATIENT,
    )


class Counted(EngineStats):
    """Statistics that also keep when every step ended, and how many tokens it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[float, int]] = []

    def record_step(self, tokens: int) -> None:
        super().record_step(tokens)
        self.steps.append((monotonic(), tokens))


@dataclass(frozen=True, slots=True)
class Subject:
    """The engine that is measured."""

    engine: LocalEngine
    counted: Counted

    async def rows(
        self, rows: int, tokens: int, adapters: Sequence[str] = (), temperature: float = 0.0
    ) -> Rate:
        """So many requests at once, with the adapters in turn or none; prompts are remembered.

        In the first go they are read, and the first rows may end before the last have begun: `decode` may
        then be no number.
        """
        names = [adapters[row % len(adapters)] if adapters else None for row in range(rows)]
        requests = [
            ask(row, name, tokens=tokens, place=_place(row), temperature=temperature)
            for row, name in enumerate(names)
        ]
        self.counted.steps.clear()
        generations = [self.engine.generate(request) for request in requests]
        answers = await asyncio.gather(*map(answered, generations))
        assert all(answer.tokens == tokens for answer in answers)
        return self._rate(generations, answers)

    async def rate(self, rows: int, tokens: int, adapters: Sequence[str] = ()) -> Rate:
        """Both: first with prompts that nobody remembers, then `decode` with remembered ones."""
        for row in range(rows):
            await self.engine.forget(_place(row))
        fresh = await self.rows(rows, tokens, adapters)
        return replace(fresh, decode=(await self.rows(rows, tokens, adapters)).decode)

    def _rate(self, generations: Sequence[OutputStream], answers: Sequence[Answer]) -> Rate:
        began = generations[0].submitted_at
        pairs = list(zip(generations, answers, strict=True))
        whole = max(generation.submitted_at + answer.timings.total for generation, answer in pairs) - began
        full = max(generation.submitted_at + answer.timings.first_token for generation, answer in pairs)
        end = min(generation.submitted_at + answer.timings.total for generation, answer in pairs)
        steps = [one for one in self.counted.steps if full <= one[0] <= end]
        made = sum(tokens for _, tokens in steps[1:])
        return Rate(
            made / (steps[-1][0] - steps[0][0]) if made else nan,
            sum(answer.tokens for answer in answers) / whole,
            statistics.median(answer.timings.first_token for answer in answers),
        )

    async def beside(self, work: Callable[[], T]) -> T:
        """Do something on the engine's own thread while it is idle.

        On another one it would have OpenMP helpers of its own, and both would be slow
        (`bot.engine.runtime.cpu_threads`).
        """
        found = list[T]()
        await self.engine._run_on_thread(lambda core: found.append(work()))
        return found[0]

    async def first_token(self, request: Request) -> float:
        """Seconds to the first token of a request."""
        return (await answered(self.engine.generate(request))).timings.first_token


def _place(row: int) -> Place:
    return Place("discord", "bot", str(row))


async def answered(generation: OutputStream) -> Answer:
    """Read a generation to its end."""
    async for _ in generation:
        pass
    return generation.answers[0]


@asynccontextmanager
async def running(data: Path, adapters: Sequence[Path] = (), **settings: Any) -> AsyncIterator[Subject]:
    """An engine with these adapters, each under its folder's name, and with room for the model's context."""
    wanted = ModelSettings.model_validate({"context": CONTEXT, **settings})
    engine, counted = LocalEngine(wanted, data), Counted()
    engine._engine_thread.stats = counted  # the only way to see every step
    async with engine:
        await engine.ready()
        for folder in adapters:
            await engine.add_adapter(folder.name, folder)
        yield Subject(engine, counted)


async def interleaved(
    rounds: int, calls: Mapping[str, Callable[[], Awaitable[Any]]], warm: bool = False
) -> dict[str, list[Any]]:
    """Call each once to warm it up, unless it is warm, then all of them in turns, so often."""
    for call in () if warm else calls.values():
        await call()
    found: dict[str, list[Any]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(await call())
    return found


def medians(rates: Sequence[Rate]) -> Rate:
    """The median of every figure."""
    return Rate(
        statistics.median(rate.decode for rate in rates),
        statistics.median(rate.overall for rate in rates),
        statistics.median(rate.first for rate in rates),
    )
