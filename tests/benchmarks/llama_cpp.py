"""The engine against llama.cpp on the same GGUF file: `python -m tests.benchmarks.llama_cpp [MODEL.gguf]`.

    --lines     of one, adapter, eight, eight-mixed, prompt, many, many-mixed; without it, all
    --rounds    how often both sides of a line take turns; medians are compared
    --native    off, for torch's operators alone

Without a file: the default model's. Greedy, two threads on both sides, adapters of random numbers of rank 16
on all seven linear layers of a block, the same for both. llama.cpp is its server in this process, by
`xllamacpp`. Rates are of decoding, from the moment when all rows have a token, unless the line says "prompts
included". Never run beside other work. `tests/benchmarks/quantised.py` says how to get a file of 1.5B.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import xllamacpp

from bot.config import ModelSettings
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.runtime.environment import prepare_environment
from tests.benchmarks.gguf_adapters import draw_adapters
from tests.benchmarks.load import Rate, Subject, ask, ids, interleaved, running

BARS = {
    "one": 1.0,
    "adapter": 1.1,
    "eight": 1.5,
    "eight-mixed": 3.0,
    "prompt": 1.5,
    "many": 1.5,
    "many-mixed": 1.3,
}
TITLES = {
    "one": "1 row",
    "adapter": "1 row under an adapter",
    "eight": "8 rows",
    "eight-mixed": "8 rows under 8 adapters, prompts included",
    "prompt": "reading a prompt of 1,500 tokens",
    "many": "32 rows",
    "many-mixed": "32 rows under 8 adapters, against its 32 base-only",
}
_ADAPTERS, _PROMPT = 8, 1500


class Rival:
    """llama.cpp's server in this process, with room for so many rows."""

    def __init__(self, model: Path, rows: int, tokens: int, adapters: Sequence[Path], threads: int) -> None:
        told = xllamacpp.CommonParams()
        told.model.path = str(model)
        told.n_ctx, told.n_parallel, told.kv_unified = rows * tokens, rows, True
        told.n_gpu_layers, told.verbosity, told.cache_ram_mib = 0, -1, 0
        told.cpuparams.n_threads = told.cpuparams_batch.n_threads = threads
        told.lora_init_without_apply = True
        told.lora_adapters = [_adapter(path) for path in adapters]
        self._server = xllamacpp.Server(told)
        self._adapters = len(adapters)
        self._pool = ThreadPoolExecutor(rows)

    def rows(self, rows: int, tokens: int, *, mixed: bool = False) -> Rate:
        """So many answers at once to the prompts of `ids`; `mixed`: each under the next adapter."""
        began = perf_counter()
        asked = [(list(ids(row)), tokens, row % self._adapters if mixed else None) for row in range(rows)]
        timings = list(self._pool.map(lambda each: self._ask(*each), asked))
        whole = perf_counter() - began
        decoding = max(each["predicted_ms"] for each in timings) / 1000
        return Rate(rows * (tokens - 1) / decoding, rows * tokens / whole, timings[0]["prompt_ms"] / 1000)

    def _ask(self, prompt: list[int], tokens: int, adapter: int | None) -> Any:
        scales = [{"id": each, "scale": float(each == adapter)} for each in range(self._adapters)]
        asked = {
            "prompt": prompt,
            "temperature": 0,
            "max_tokens": tokens,
            "cache_prompt": True,
            "lora": scales,
        }
        return self._server.handle_completions({**asked, "ignore_eos": True})["timings"]

    def read(self, prompt: Sequence[int]) -> float:
        """Tokens a second of a prompt's reading."""
        asked = {"prompt": list(prompt), "temperature": 0, "max_tokens": 1, "cache_prompt": False}
        return float(self._server.handle_completions(asked)["timings"]["prompt_per_second"])


def _adapter(path: Path) -> Any:
    info = xllamacpp.CommonAdapterLoraInfo()
    info.path, info.scale = str(path), 0.0
    return info


Side = Callable[[], Awaitable[float]]


class Lines:
    """Both sides of each line, as functions that return a rate in tokens a second."""

    def __init__(self, subject: Subject, rival: Rival, names: Sequence[str], tokens: int) -> None:
        self._subject, self._rival, self._names, self._tokens = subject, rival, names, tokens
        self._prompts = 0

    def sides(self, line: str) -> tuple[Side, Side]:
        if line == "prompt":
            return self._read, self._rival_reads
        rows = {"one": 1, "adapter": 1, "eight": 8, "eight-mixed": 8}.get(line, 32)
        mixed, whole = line in ("adapter", "eight-mixed", "many-mixed"), line == "eight-mixed"
        return self._rate(rows, mixed, whole), self._rival_rate(rows, mixed and rows < 32, whole)

    def _rate(self, rows: int, mixed: bool, whole: bool) -> Side:
        async def ours() -> float:
            if whole:
                return (await self._subject.rate(rows, self._tokens, self._names)).overall
            return (await self._subject.rows(rows, self._tokens, self._names if mixed else ())).decode

        return ours

    def _rival_rate(self, rows: int, mixed: bool, whole: bool) -> Side:
        async def theirs() -> float:
            if whole:
                await self._subject.beside(lambda: self._rival.rows(32, 1))  # no slot knows a prompt
            rate = await self._subject.beside(lambda: self._rival.rows(rows, self._tokens, mixed=mixed))
            return rate.overall if whole else rate.decode

        return theirs

    def _new_prompt(self) -> tuple[int, ...]:
        self._prompts += 1
        return ids(1000 + self._prompts, _PROMPT)

    async def _read(self) -> float:
        return _PROMPT / await self._subject.first_token(ask(0, tokens=1, prompt=self._new_prompt()))

    async def _rival_reads(self) -> float:
        return await self._subject.beside(lambda: self._rival.read(self._new_prompt()))


async def measure(options: argparse.Namespace, data: Path) -> None:
    """Print each line as soon as it is there."""
    settings = {"name": str(options.model)} if options.model else {}
    plan = plan_load(ModelSettings.model_validate(settings), data, lambda stage: None, serves_packed=True)
    assert plan.gguf
    drawn = draw_adapters(plan.gguf.path, data / "adapters", _ADAPTERS)
    settings |= {"native": False} if options.native == "off" else {}
    async with running(data, [each.folder for each in drawn], rows=32, **settings) as subject:
        paths = [each.gguf for each in drawn]
        rival = await subject.beside(lambda: Rival(plan.gguf.path, 32, 512, paths, options.threads))
        lines = Lines(subject, rival, [each.folder.name for each in drawn], options.tokens)
        for line in options.lines or BARS:
            ours, theirs = lines.sides(line)
            found = await interleaved(options.rounds, {"ours": ours, "theirs": theirs})
            mine, its = (statistics.median(found[side]) for side in ("ours", "theirs"))
            print(
                f"{TITLES[line]:<52} {mine:8.1f} {its:8.1f}  {mine / its:5.2f} x  (bar {BARS[line]:.1f})",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--lines", nargs="+", choices=[*BARS])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--native", choices=["on", "off"], default="on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(options, Path(folder)))


if __name__ == "__main__":
    prepare_environment()
    main()
