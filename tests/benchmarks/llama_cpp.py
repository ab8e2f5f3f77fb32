"""The engine against llama.cpp on the same GGUF file: `python -m tests.benchmarks.llama_cpp [MODEL.gguf]`.

    --lines     of one, adapter, eight, eight-mixed, prompt, many, many-mixed, many-own; without it, all
    --memory    the most memory that either process takes with 8 rows of 1,000 tokens, and nothing else
    --rounds    how often both sides of a line take turns; medians are compared
    --native    off, for torch's operators alone

Without a file: the default model's. Greedy, two threads on both sides, adapters of random numbers of rank 16
on all seven linear layers of a block, the same for both. Rates are of decoding, from the moment when all rows
have a token, unless the line says "prompts included". Never run beside other work.
`tests/benchmarks/quantised.py` says how to get a file of 1.5B.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bot.config import ModelSettings
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.runtime.environment import prepare_environment
from tests.benchmarks.gguf_adapters import draw_adapters
from tests.benchmarks.llama_cpp_server import Rival, ServerSettings, peak_memory
from tests.benchmarks.load import Subject, ask, ids, interleaved, running

BARS = {
    "one": 1.0,
    "adapter": 1.1,
    "eight": 1.5,
    "eight-mixed": 3.0,
    "prompt": 1.5,
    "many": 1.5,
    "many-mixed": 1.3,
    "many-own": 0.85,
}
TITLES = {
    "one": "1 row",
    "adapter": "1 row under an adapter",
    "eight": "8 rows",
    "eight-mixed": "8 rows under 8 adapters, prompts included",
    "prompt": "reading a prompt of 1,500 tokens",
    "many": "32 rows",
    "many-mixed": "32 rows under 8 adapters, against its 32 base-only",
    "many-own": "32 rows under 32 adapters, against our base-only",
}
_ADAPTERS, _MANY, _PROMPT = 8, 32, 1500
_WRITTEN = 24  # of a row's 1,000 tokens, where memory is measured


Side = Callable[[], Awaitable[float]]


class Lines:
    """Both sides of each line, as functions that return a rate in tokens a second."""

    def __init__(self, subject: Subject, rival: Rival, names: Sequence[str], tokens: int) -> None:
        self._subject, self._rival, self._names, self._tokens = subject, rival, names, tokens
        self._prompts = 0

    def sides(self, line: str) -> tuple[Side, Side]:
        if line == "prompt":
            return self._read, self._rival_reads
        if line == "many-own":
            return self._rate(_MANY, self._names), self._rate(_MANY)
        names = self._names[:_ADAPTERS]
        rows = {"one": 1, "adapter": 1, "eight": 8, "eight-mixed": 8}.get(line, _MANY)
        mixed, whole = line in ("adapter", "eight-mixed", "many-mixed"), line == "eight-mixed"
        ours = self._rate(rows, names if mixed else (), whole)
        return ours, self._rival_rate(rows, mixed and rows < _MANY, whole)

    def _rate(self, rows: int, names: Sequence[str] = (), whole: bool = False) -> Side:
        async def ours() -> float:
            if whole:
                return (await self._subject.rate(rows, self._tokens, names)).overall
            return (await self._subject.rows(rows, self._tokens, names)).decode

        return ours

    def _rival_rate(self, rows: int, mixed: bool, whole: bool) -> Side:
        async def theirs() -> float:
            if whole:
                self._rival.rows(_MANY, 1, prompt=2)  # no slot knows a prompt
            rate = self._rival.rows(rows, self._tokens, mixed=mixed)
            return rate.overall if whole else rate.decode

        return theirs

    def _new_prompt(self) -> tuple[int, ...]:
        self._prompts += 1
        return ids(1000 + self._prompts, _PROMPT)

    async def _read(self) -> float:
        return _PROMPT / await self._subject.first_token(ask(0, tokens=1, prompt=self._new_prompt()))

    async def _rival_reads(self) -> float:
        return self._rival.read(self._new_prompt())


async def measure(options: argparse.Namespace, data: Path) -> None:
    """Print each line as soon as it is there."""
    asked = options.lines or [*BARS]
    drawn = draw_adapters(
        _file(options, data), data / "adapters", _MANY if "many-own" in asked else _ADAPTERS
    )
    paths = tuple(each.gguf for each in drawn[:_ADAPTERS])
    server = ServerSettings(_file(options, data), _MANY, _MANY * 512, paths, options.threads)
    folders = [each.folder for each in drawn]
    async with running(data, folders, rows=_MANY, **_settings(options)) as subject:
        with Rival(server) as rival:
            lines = Lines(subject, rival, [folder.name for folder in folders], options.tokens)
            for line in asked:
                ours, theirs = lines.sides(line)
                found = await interleaved(options.rounds, {"ours": ours, "theirs": theirs})
                mine, its = (statistics.median(found[side]) for side in ("ours", "theirs"))
                print(
                    f"{TITLES[line]:<52} {mine:8.1f} {its:8.1f}  {mine / its:5.2f} x  (bar {BARS[line]:.2f})",
                    flush=True,
                )


async def measure_memory(options: argparse.Namespace, data: Path) -> None:
    """Print the most memory of either process."""
    async with running(data, rows=8, **_settings(options)) as subject:
        requests = [ask(row, tokens=_WRITTEN, prompt=ids(row, 1000 - _WRITTEN)) for row in range(8)]
        await asyncio.gather(*(subject.first_token(request) for request in requests))
    mine = peak_memory()
    with Rival(ServerSettings(_file(options, data), 8, 8 * 1024, (), options.threads)) as rival:
        rival.rows(8, _WRITTEN, prompt=1000 - _WRITTEN)
        its = rival.memory()
    print(f"memory, MB: {mine / 1e6:.0f} {its / 1e6:.0f}  {mine / its:.2f} x  (bar 1.15)")


def _settings(options: argparse.Namespace) -> dict[str, object]:
    name = {"name": str(options.model)} if options.model else {}
    return name | ({"native": False} if options.native == "off" else {})


def _file(options: argparse.Namespace, data: Path) -> Path:
    settings = ModelSettings.model_validate(_settings(options))
    plan = plan_load(settings, data, lambda stage: None, serves_packed=True)
    assert plan.gguf
    return plan.gguf.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--lines", nargs="+", choices=[*BARS])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--native", choices=["on", "off"], default="on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run((measure_memory if options.memory else measure)(options, Path(folder)))


if __name__ == "__main__":
    prepare_environment()
    main()
