"""How fast the engine starts, answers and leaves: `python -m tests.benchmarks.engine [PRECISION ...]`.

The default model on this machine's CPU, each precision in processes of its own, against `generate` of
transformers on the same weights, both in turns. Never run on CUDA, on more than two cores, or with a model
over 135M.
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
from typing import Any

from bot.config import ModelSettings
from bot.engine.engine import Request
from bot.engine.thread import LocalEngine
from bot.persona.persona import Sampling

PRECISIONS = ("nf4", "int8", "bf16", "fp32")
PROMPT, TOKENS, ROUNDS = 200, 40, 5
NEVER = frozenset({1 << 30})
GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=TOKENS)
IDS = tuple(1000 + place * 37 % 20_000 for place in range(PROMPT))


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


async def answer(engine: LocalEngine, sampling: Sampling = GREEDY) -> tuple[float, float]:
    """Seconds to the first token, and tokens per second after it."""
    generation = engine.generate(Request(IDS, sampling, stop_ids=NEVER))
    async for _ in generation:
        pass
    timings = generation.answers[0].timings
    return timings.first_token, (TOKENS - 1) / (timings.total - timings.first_token)


def generate(model: Any) -> tuple[float, float]:
    """The same by `generate` of transformers: the first token is timed by an answer of one."""
    import torch

    ids = torch.tensor([IDS])
    seconds = []
    for tokens in (1, TOKENS):
        began = time.perf_counter()
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
        )
        seconds.append(time.perf_counter() - began)
    return seconds[0], (TOKENS - 1) / (seconds[1] - seconds[0])


async def lag(engine: LocalEngine) -> dict[str, float]:
    """Milliseconds by which a 1 ms tick of the event loop is late while an answer is made."""
    late: list[float] = []
    task = asyncio.create_task(answer(engine, GREEDY.model_copy(update={"max_tokens": 120})))
    while not task.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - began - 0.001) * 1000)
    late.sort()
    return {"lag p50": late[len(late) // 2], "lag p99": late[len(late) * 99 // 100], "lag max": late[-1]}


async def speed(precision: str, data: Path) -> dict[str, float]:
    """Everything that is measured on a running engine."""
    settings = ModelSettings.model_validate({"precision": precision})
    async with LocalEngine(settings, data) as engine:
        await engine.ready()
        assert engine.loaded is not None
        await answer(engine)
        ours, theirs, drawn = [], [], []
        for _ in range(ROUNDS):
            ours.append(await answer(engine))
            theirs.append(await asyncio.to_thread(generate, engine.loaded.model))
            drawn.append(await answer(engine, Sampling(max_tokens=TOKENS)))
        lags = await lag(engine)
        long = engine.generate(Request(IDS, GREEDY.model_copy(update={"max_tokens": 3000}), stop_ids=NEVER))
        await anext(long)
        began = time.perf_counter()
    return {
        "first token": statistics.median(first for first, _ in ours),
        "generate's": statistics.median(first for first, _ in theirs),
        "tokens/s": statistics.median(rate for _, rate in ours),
        "generate's tokens/s": statistics.median(rate for _, rate in theirs),
        "sampled tokens/s": statistics.median(rate for _, rate in drawn),
        **lags,
        "leave": time.perf_counter() - began,
    }


def measured(part: str, precision: str, data: Path) -> dict[str, float]:
    """Run one part in a process of its own; adds its peak memory."""
    command = [sys.executable, "-m", "tests.benchmarks.engine", "--part", part, precision, str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def part(name: str, precision: str, data: Path) -> None:
    """One part, in this process, as a line of JSON."""
    found = asyncio.run({"start": start, "speed": speed}[name](precision, data))
    found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps(found))


def table(precisions: tuple[str, ...]) -> None:
    """Measure and print everything: seconds, tokens per second, milliseconds of lag, megabytes."""
    for precision in precisions:
        with tempfile.TemporaryDirectory() as folder:
            first = measured("start", precision, Path(folder))
            again = [measured("start", precision, Path(folder)) for _ in range(3)]
            again.sort(key=lambda found: found["ready"])
            running = measured("speed", precision, Path(folder))
        print(f"{precision}")
        for title, found in (("first start", first), ("second start", again[1]), ("answers", running)):
            print(
                f"  {title:13}", "  ".join(f"{name} {value:.3g}" for name, value in found.items()), flush=True
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        part(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        table(tuple(sys.argv[1:]) or PRECISIONS)
