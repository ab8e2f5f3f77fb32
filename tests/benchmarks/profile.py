"""Profile of a decoding step by part: `python -m tests.benchmarks.engine --profile`."""

import asyncio
import inspect
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from torch.profiler import ProfilerActivity, profile

from bot.config import ModelSettings
from bot.engine.attention import forward_batch
from bot.engine.core.engine_core import EngineCore
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.resources import RequestResources
from bot.engine.kernels import bf16_matmul, matmul, quantised_matmul
from bot.engine.kernels.compiler import load_library
from bot.engine.lora import linear
from bot.engine.lora.registry import read_adapter
from bot.engine.model_executor import model_runner
from bot.engine.model_loader.load_plan import plan_load
from bot.engine.model_loader.loader import LoadedModel, load_model
from bot.engine.sampling import sampler
from tests.benchmarks import floor
from tests.benchmarks.drawn import adapters
from tests.benchmarks.load import CONTEXT, PROMPT, Counted, ask
from tests.benchmarks.report import Run

ADAPTERS, LONGEST = 8, 600  # more would not fit the cache in 32 rows
_PARTS = ("linear kernels", "adapters", "attention", "the model's rest", "sampling", "the engine core")


class Watch:
    """Seconds by part, without those of parts inside. Right on a CPU, which waits for itself."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, watched."""

        def call(*arguments: Any, **named: Any) -> Any:
            began = perf_counter()
            self._inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                took = perf_counter() - began
                self.seconds[part] += took - self._inner.pop()
                self._inner[-1] += took

        return call


async def show(run: Run, precision: str = "auto") -> None:
    """Print the shares, the bytes and the operators of steps of 1, 8 and 32 rows, base-only and mixed."""
    os.environ["KINETO_LOG_LEVEL"] = "99"  # torch's profiler is silent then
    settings = ModelSettings.model_validate({"precision": precision, "context": CONTEXT})
    found = plan_load(settings, run.data, lambda stage: None, serves_packed=True)
    loaded = load_model(found, settings, found.read_tokenizer(), load_library())
    names = ", ".join(floor.kernels(loaded))
    print(f"\nA decoding step: {found.precision}, kernels {names}, prompts of {PROMPT} tokens")
    for rows in (1, 8, 32):
        for count in (0, min(rows, ADAPTERS)):
            _show(run, loaded, rows, count)


def _show(run: Run, loaded: LoadedModel, rows: int, count: int) -> None:
    core = _decoding(run, loaded, rows, count)
    steps = run.pick(6, 24)
    with _watched() as watch:
        began = perf_counter()
        for _ in range(steps):
            core.step()
        whole = (perf_counter() - began) / steps
    moved = floor.moved(loaded, rows, PROMPT + steps, count)
    shares = [f"{part} {watch.seconds[part] / steps / whole:.0%}" for part in _PARTS]
    parts = (("weights", moved.weights), ("adapters", moved.adapters), ("keys and values", moved.keys))
    print(f"{rows} rows, {f'{count} adapters' if count else 'base-only'}: {whole * 1000:.1f} ms")
    print(f"    {', '.join(shares)}")
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in parts)
    print(f"    {sizes}; {moved.describe(run.machine)}")
    print(f"    {_operators(core)}", flush=True)


def _decoding(run: Run, loaded: LoadedModel, rows: int, count: int) -> EngineCore:
    """Return an engine core in which every sequence has its first tokens."""
    counted = Counted()
    core = EngineCore(RequestResources(loaded, 32), counted)
    folders = adapters(run.data, count)
    for folder in folders:
        core.add_adapter(read_adapter(folder.name, folder, loaded.base))
    for row in range(rows):
        request = ask(row, folders[row % count].name if count else None, tokens=LONGEST)
        core.add_request(OutputStream(request, asyncio.get_running_loop()))
    while not counted.steps or counted.steps[-1][1] < rows:
        core.step()
    for _ in range(3):
        core.step()
    return core


@contextmanager
def _watched() -> Iterator[Watch]:
    """Watch the functions of every part."""
    watch = Watch()
    found = [
        *((kind, "__call__", "linear kernels") for kind in vars(matmul).values() if _is_kernel(kind)),
        (quantised_matmul.QuantisedMatmul, "__call__", "linear kernels"),
        (linear.LoraLinear, "forward", "adapters"),
        (forward_batch.ForwardBatch, "attend", "attention"),
        (sampler.Sampler, "sample", "sampling"),
        (model_runner.ModelRunner, "forward", "the model's rest"),
        (EngineCore, "step", "the engine core"),
    ]
    plain = [(kind, name, vars(kind)[name], part) for kind, name, part in found]
    try:
        for kind, name, function, part in plain:
            setattr(kind, name, watch.timed(part, function))
        yield watch
    finally:
        for kind, name, function, _ in plain:
            setattr(kind, name, function)


def _is_kernel(kind: object) -> bool:
    if not inspect.isclass(kind) or kind is matmul.MatmulKernel:
        return False
    return kind.__module__ in (matmul.__name__, bf16_matmul.__name__) and "__call__" in vars(kind)


def _operators(core: EngineCore, steps: int = 2) -> str:
    """The operators that take longest by torch's own profiler, and how many there are in a step."""
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        for _ in range(steps):
            core.step()
    events = sorted(watched.key_averages(), key=lambda event: event.self_cpu_time_total, reverse=True)
    whole = sum(event.self_cpu_time_total for event in events)
    first = [f"{event.key} {event.self_cpu_time_total / whole:.0%}" for event in events[:6]]
    return f"{sum(event.count for event in events) // steps} operators a step: {', '.join(first)}"
