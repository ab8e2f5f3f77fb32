"""Seconds to start and to leave the engine: `python -m tests.benchmarks.start [PRECISION ...]`.

The default model on this machine's CPU, each precision in processes of its own: the first start with the
model's conversion, later ones, answers of one row, and leaving. Never run on
CUDA, on more than two cores, or with a model over 135M.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.config import ModelSettings
from bot.engine.local.local_engine import LocalEngine
from tests.benchmarks.load import Subject, ask, running

PRECISIONS = ("nf4", "int8", "bf16", "fp32")
TOKENS, ROUNDS = 40, 5


async def start(precision: str, data: Path) -> dict[str, float]:
    """Seconds to be ready, and how many of them the imports took."""
    began = time.perf_counter()
    settings = ModelSettings.model_validate({"precision": precision})
    async with LocalEngine(settings, data) as engine:
        while engine.status().stage in ("starting", "importing torch and transformers"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        imports = time.perf_counter() - began
        await engine.ready()
        return {"imports": imports, "ready": time.perf_counter() - began}


async def answers(precision: str, data: Path) -> dict[str, float]:
    """The first token and the rate of one row, greedy and drawn, and how long leaving takes in the middle."""
    async with running(data, precision=precision) as subject:
        greedy = [await subject.rate(1, TOKENS) for _ in range(ROUNDS + 1)][1:]
        drawn = [await subject.rows(1, TOKENS, temperature=0.8) for _ in range(ROUNDS)]
        began = await _interrupt(subject)
    return {
        "first token": statistics.median(rate.first for rate in greedy),
        "tokens/s": statistics.median(rate.decode for rate in greedy),
        "drawn tokens/s": statistics.median(rate.decode for rate in drawn),
        "leave": time.perf_counter() - began,
    }


async def _interrupt(subject: Subject) -> float:
    """The moment after the first piece of a 3,000-token answer."""
    generation = subject.engine.generate(ask(0, tokens=3000))
    await anext(aiter(generation))
    return time.perf_counter()


def measured(part: str, precision: str, data: Path) -> dict[str, float]:
    """Run one part in a process of its own; adds its peak memory."""
    command = [sys.executable, "-m", "tests.benchmarks.start", "--part", part, precision, str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def part(name: str, precision: str, data: Path) -> None:
    """One part, in this process, as a line of JSON."""
    found = asyncio.run({"start": start, "answers": answers}[name](precision, data))
    found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps(found))


def table(precisions: tuple[str, ...]) -> None:
    """Measure and print everything: seconds, tokens per second, megabytes."""
    for precision in precisions:
        with tempfile.TemporaryDirectory() as folder:
            first = measured("start", precision, Path(folder))
            again = [measured("start", precision, Path(folder)) for _ in range(3)]
            again.sort(key=lambda found: found["ready"])
            later = measured("answers", precision, Path(folder))
        print(f"{precision}")
        for title, found in (("first start", first), ("second start", again[1]), ("answers", later)):
            print(
                f"  {title:13}", "  ".join(f"{name} {value:.3g}" for name, value in found.items()), flush=True
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        part(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        table(tuple(sys.argv[1:]) or PRECISIONS)
