"""Seconds to a first token: with reuse, and beside a long prompt; and how late the event loop is."""

import asyncio
import statistics
from collections.abc import Collection, Sequence
from time import perf_counter

from bot.engine.interface import Request
from bot.message import Place
from tests.benchmarks.drawn import adapters
from tests.benchmarks.load import Rate, Subject, answered, ask, ids, interleaved, running
from tests.benchmarks.report import Figure, Run

HISTORY, TURN, LONG, SHORT = 1500, 40, 4000, 40  # tokens
MOMENTS = (0.1, 0.35, 0.6, 0.85)  # of a long prefill, at which a short request arrives
_TICK = 0.001  # seconds


async def waits(run: Run, wanted: Collection[str]) -> list[Figure]:
    """Lines `follow`, `arrival` and `lag`, on one engine."""
    folders = adapters(run.data, 8)
    figures: list[Figure] = []
    async with running(run.data, folders) as subject:
        await subject.rows(1, 4)
        if "follow" in wanted:
            figures.append(await follow(run, subject))
        if "arrival" in wanted:
            figures += await arrival(run, subject)
        if "lag" in wanted:
            figures += await lag(run, subject, [folder.name for folder in folders])
    return figures


async def follow(run: Run, subject: Subject) -> Figure:
    """A turn on top of a history that the engine answered before, with its place named and without."""
    history, place = ids(1, HISTORY), Place("discord", "bot", "1")
    await subject.first_token(ask(0, tokens=4, prompt=history, place=place))
    turns = iter(range(100, 1000))  # every turn's words are new, from the first one on

    async def go(place: Place | None) -> float:
        prompt = history + ids(next(turns), TURN)
        return await subject.first_token(ask(0, tokens=4, prompt=prompt, place=place))

    found = await interleaved(run.pick(1, 5), {"reuse": lambda: go(place), "whole": lambda: go(None)})
    reuse, whole = statistics.median(found["reuse"]), statistics.median(found["whole"])
    return Figure(
        f"follow-up of {TURN} tokens on {HISTORY:,}, with reuse against without",
        whole / reuse,
        f"first token after {reuse * 1000:.0f} ms",
        f"{whole * 1000:.0f} ms",
        f"without reuse {(HISTORY + TURN) / whole:.0f} tokens are read a second; a prompt of {SHORT} tokens "
        f"alone takes {await _idle(subject, 3) * 1000:.0f} ms, the rest is copying and attending",
        8.0,
    )


async def arrival(run: Run, subject: Subject) -> list[Figure]:
    """A short request that arrives while a long prompt is read, against an idle engine."""
    whole = await subject.first_token(ask(0, tokens=1, prompt=ids(2, LONG)))
    moments = MOMENTS[: run.pick(2, len(MOMENTS))]
    idle, busy = [], []
    for turn in range(run.pick(1, 3)):
        idle.append(await _idle(subject, 3))
        busy.append(await _busy(subject, whole, turn, moments))
    alone = statistics.median(idle)
    every = [seconds for round_ in busy for seconds in round_]
    by_moment = [statistics.median(column) / alone for column in zip(*busy, strict=True)]
    shown = ", ".join(f"{moment:.0%} {ratio:.1f} x" for moment, ratio in zip(moments, by_moment, strict=True))
    return [
        Figure(
            f"first token of {SHORT} tokens while {LONG:,} are read, against idle",
            statistics.median(every) / alone,
            f"{statistics.median(every) * 1000:.0f} ms (worst {max(every) * 1000:.0f} ms)",
            f"{alone * 1000:.0f} ms",
            f"the long prompt alone takes {whole:.1f} s; arrivals at {shown}; "
            "a request waits for the chunk that is under way, and shares the next step with another one",
            3.0,
            most=True,
        )
    ]


async def _idle(subject: Subject, times: int) -> float:
    """The first token of a short request on an idle engine: the median."""
    return statistics.median([await subject.first_token(_short(number)) for number in range(times)])


async def _busy(subject: Subject, whole: float, turn: int, moments: Sequence[float]) -> list[float]:
    """The same at several moments of one long prefill."""
    began = perf_counter()
    long = subject.engine.generate(ask(0, tokens=1, prompt=ids(10 + turn, LONG)))
    reading = asyncio.create_task(answered(long))
    found = []
    for number, moment in enumerate(moments):
        await asyncio.sleep(max(0.0, moment * whole - (perf_counter() - began)))
        found.append(await subject.first_token(_short(10 * turn + number)))
    long.cancel()
    await reading
    return found


def _short(number: int) -> Request:
    return ask(0, tokens=1, prompt=ids(1000 + number, SHORT))


async def lag(run: Run, subject: Subject, names: list[str]) -> list[Figure]:
    """By how much a tick of the event loop is late while 16 rows decode under eight adapters."""
    quiet = await _late(asyncio.create_task(asyncio.sleep(1.0)))
    await subject.rows(16, 4, names)
    late = await _late(asyncio.create_task(_decoding(subject, run.pick(48, 200), names)))
    shown = [late[len(late) // 2], late[len(late) * 99 // 100], late[-1]]
    text = "p50 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms".format(*shown)
    idle = f"idle p99 {quiet[len(quiet) * 99 // 100]:.1f} ms, max {quiet[-1]:.1f} ms; {len(late)} ticks"
    limit = "the interpreter's lock, while the engine's thread holds it between two operations"
    return [
        Figure("event-loop lag while 16 rows decode, p99", shown[1], text, "", idle, 50.0, True, "ms"),
        Figure("event-loop lag while 16 rows decode, max", shown[2], text, "", limit, 200.0, True, "ms"),
    ]


async def _decoding(subject: Subject, tokens: int, names: list[str]) -> Rate:
    return await subject.rows(16, tokens, names)


async def _late(task: "asyncio.Task[object]") -> list[float]:
    """Milliseconds by which ticks were late until the task was done, in order of size."""
    late = []
    while not task.done():
        began = perf_counter()
        await asyncio.sleep(_TICK)
        late.append((perf_counter() - began - _TICK) * 1000)
    task.result()
    return sorted(late)
