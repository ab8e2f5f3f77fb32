"""Tokens per second: against PEFT, mixed against base-only, many rows against few, one row against one."""

from collections.abc import Collection, Sequence
from pathlib import Path

from tests.benchmarks import floor
from tests.benchmarks.drawn import adapters
from tests.benchmarks.load import PROMPT, Rate, Subject, ids, interleaved, medians, running
from tests.benchmarks.report import Figure, Run, rate
from tests.benchmarks.rivals import Peft, generate, library

ADAPTERS = 8
_RIVALS = {"peft": ("PEFT's mixed batch", 4.0), "sequential": ("set_adapter + generate", 8.0)}


async def against_peft(run: Run, wanted: Collection[str]) -> list[Figure]:
    """Lines `peft` and `sequential`: eight rows under eight adapters of rank 16."""
    folders, tokens = adapters(run.data, ADAPTERS), run.pick(10, 32)
    names = [folder.name for folder in folders]
    async with running(run.data, folders) as subject:
        rival = await subject.beside(lambda: Peft(run.data, folders))

        async def ours() -> Rate:
            return await subject.rate(ADAPTERS, tokens, names)

        async def mixed() -> Rate:
            return await subject.beside(lambda: rival.mixed(tokens))

        async def sequential() -> Rate:
            return await subject.beside(lambda: rival.sequential(tokens))

        calls = {"peft": mixed, "sequential": sequential}
        asked = {name: call for name, call in calls.items() if name in wanted}
        await subject.rows(ADAPTERS, 1, names)
        found = await interleaved(
            run.pick(1, 3), {"ours": ours} | asked, warm=run.quick
        )  # PEFT was tried before
        best = medians(found.pop("ours"))
        limit = f"{_step(run, subject, best, ADAPTERS, tokens, ADAPTERS)}; {_choice(rival)}"
    return [
        _against(f"8 rows, 8 adapters, against {title}", bar, best, medians(found[name]), limit, True)
        for name, (title, bar) in _RIVALS.items()
        if name in found
    ]


async def batches(run: Run, wanted: Collection[str]) -> list[Figure]:
    """Lines `mixed` and `rows`: 8 and 32 rows, base-only and under eight adapters."""
    folders, tokens = adapters(run.data, run.pick(ADAPTERS, 32)), run.pick(12, 48)
    names = [folder.name for folder in folders]
    async with running(run.data, folders[:ADAPTERS]) as subject:
        kinds = {f"{rows} {kind}": (rows, kind) for rows in (8, 32) for kind in ("base", "mixed")}

        async def go(rows: int, kind: str) -> Rate:
            return await subject.rows(rows, tokens, names[:ADAPTERS] if kind == "mixed" else ())

        calls = {name: (lambda which=which: go(*which)) for name, which in kinds.items()}
        found = await interleaved(run.pick(2, 4), calls)
        best = {name: medians(rates) for name, rates in found.items()}
        steps = {
            name: _step(run, subject, best[name], rows, tokens, ADAPTERS if kind == "mixed" else 0)
            for name, (rows, kind) in kinds.items()
        }
        figures = _mixed(best, steps) if "mixed" in wanted else []
        figures += _rows(best, steps) if "rows" in wanted else []
        if "mixed" in wanted and not run.quick:
            figures.append(await _crowd(subject, folders, tokens))
    return figures


async def _crowd(subject: Subject, folders: Sequence[Path], tokens: int) -> Figure:
    """For information: an adapter of its own for each of 32 rows."""
    for folder in folders[ADAPTERS:]:
        await subject.engine.add_adapter(folder.name, folder)
    names = [folder.name for folder in folders]

    async def base() -> Rate:
        return await subject.rows(32, tokens)

    async def mixed() -> Rate:
        return await subject.rows(32, tokens, names)

    found = await interleaved(2, {"base": base, "mixed": mixed})
    one, other = medians(found["mixed"]), medians(found["base"])
    return _against("32 rows, 32 adapters, against base-only", None, one, other, "")


async def single(run: Run, precision: str) -> list[Figure]:
    """Line `single`: one row in one precision, against transformers on the same weights."""
    tokens = run.pick(16, 48)
    async with running(run.data, precision=precision) as subject:
        rival = await subject.beside(lambda: library(run.data, precision))

        async def ours() -> Rate:
            return await subject.rate(1, tokens)

        async def theirs() -> Rate:
            return await subject.beside(lambda: generate(rival, [ids(0)], tokens))

        found = await interleaved(run.pick(2, 5), {"ours": ours, "theirs": theirs})
        one, other = medians(found["ours"]), medians(found["theirs"])
        first = f"first token {one.first:.2f} s against {other.first:.2f} s"
        limit = f"{_step(run, subject, one, 1, tokens, 0)}; {first}"
    bar = 1.3 if precision == "nf4" else None
    return [_against(f"1 row, {precision}, against transformers.generate", bar, one, other, limit, True)]


def _mixed(best: dict[str, Rate], steps: dict[str, str]) -> list[Figure]:
    return [
        _against(
            f"{rows} rows, 8 adapters, against base-only",
            0.85,
            best[f"{rows} mixed"],
            best[f"{rows} base"],
            f"mixed: {steps[f'{rows} mixed']}; base: {steps[f'{rows} base']}",
        )
        for rows in (8, 32)
    ]


def _rows(best: dict[str, Rate], steps: dict[str, str]) -> list[Figure]:
    return [
        _against(
            f"32 rows against 8 rows, {'8 adapters' if kind == 'mixed' else 'base-only'}",
            2.2,
            best[f"32 {kind}"],
            best[f"8 {kind}"],
            f"32 rows: {steps[f'32 {kind}']}; 8 rows: {steps[f'8 {kind}']}",
        )
        for kind in ("base", "mixed")
    ]


def _against(
    title: str, bar: float | None, ours: Rate, theirs: Rate, limit: str, prefill: bool = False
) -> Figure:
    sides = rate(ours, prefill), rate(theirs, prefill)
    if prefill:
        limit = f"with prefill {ours.overall / theirs.overall:.2f} x; {limit}"
    return Figure(title, ours.decode / theirs.decode, *sides, limit, bar)


def _step(run: Run, subject: Subject, found: Rate, rows: int, tokens: int, live: int) -> str:
    """Return a step's milliseconds, and the least that this machine needs."""
    assert subject.engine.loaded is not None
    moved = floor.moved(subject.engine.loaded, rows, PROMPT + tokens // 2, live)
    return f"step {1000 * rows / found.decode:.1f} ms, {moved.describe(run.machine)}"


def _choice(rival: Peft) -> str:
    tried = ", ".join(f"{precision} {speed:.1f}" for precision, speed in rival.tried.items())
    return f"PEFT in {rival.precision}, its faster one here (mixed, tokens/s: {tried})"
