"""Steps of decoding and reading: what they launch, how long they take, and that they keep no memory."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from bot.engine.core.engine_core import EngineCore
from bot.engine.core.stats import EngineStats
from tests.gpu.figures import Figures
from tests.gpu.real import DEVICES, core_of, held_bytes, load, request, save_base, settings_of, submit

WARM_UP, PROFILED, TIMED = 20, 4, 20  # steps
HOST_COPIES = 3  # of a decoding step at most
GROWTH = 1 << 20  # bytes that a thousand steps may keep

OpenCore = Callable[[str, str], EngineCore]


@pytest.fixture(scope="module")
def open_core(tmp_path_factory: pytest.TempPathFactory) -> OpenCore:
    """Return a function that loads the base model on a device in a precision, once for each."""
    bases, cores = dict[str, Path](), dict[tuple[str, str], EngineCore]()

    def opened(device: str, precision: str) -> EngineCore:
        if device not in bases:
            bases[device] = save_base(tmp_path_factory.mktemp("base"), device)
        if (device, precision) not in cores:
            cores.clear()  # a card may have no room for two
            base = bases[device]
            cores[device, precision] = core_of(load(settings_of(base, device, precision), base))
        return cores[device, precision]

    return opened


def timed(core: EngineCore) -> float:
    """Return the seconds of a step, the mean of `TIMED`."""
    started = perf_counter()
    for _ in range(TIMED):
        core.step()
    core.resources.loaded.runner.synchronize()
    return (perf_counter() - started) / TIMED


def run_out(core: EngineCore) -> None:
    while not core.idle:
        core.step()


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize(("device", "precision"), DEVICES)
async def test_a_decoding_step_copies_little_from_the_host(
    device: str, precision: str, rows: int, open_core: OpenCore, figures: Figures
) -> None:
    core = open_core(device, precision)
    steps = WARM_UP + PROFILED + TIMED + 4
    submit(core, [request(number, 100 + number, steps) for number in range(rows)])
    for _ in range(WARM_UP):
        core.step()
    core.resources.loaded.runner.synchronize()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device != "cpu" else [])]
    with profile(activities=activities) as profiled:
        for _ in range(PROFILED):
            core.step()
    seconds = timed(core)
    run_out(core)
    on_card = [event.name for event in profiled.events() if event.device_type == DeviceType.CUDA]
    copies = sum("HtoD" in name for name in on_card) / PROFILED
    kernels = sum("Mem" not in name for name in on_card) / PROFILED
    name = f"{device} {precision}: a decoding step of {rows} {'row' if rows == 1 else 'rows'}"
    figures.add(f"{name}, kernels", f"{kernels:.0f}")
    figures.add(f"{name}, time", f"{1000 * seconds:.1f} ms, {rows / seconds:.0f} tokens/s")
    figures.add(f"{name}, host copies", f"{copies:.1f}", f"at most {HOST_COPIES}", copies <= HOST_COPIES)


@pytest.mark.parametrize(("device", "precision"), DEVICES)
async def test_captured_steps_say_what_others_say_in_less_time(
    device: str, precision: str, open_core: OpenCore, figures: Figures
) -> None:
    cores = {True: open_core(device, precision)}
    cores[False] = EngineCore(cores[True].resources, EngineStats())
    texts, seconds = {}, {}
    for graphs, core in cores.items():
        streams = submit(
            core, [request(70 + number, 90 + number, WARM_UP + TIMED + 9) for number in range(3)]
        )
        for _ in range(WARM_UP):
            core.step()
        seconds[graphs] = timed(core)
        run_out(core)
        texts[graphs] = [stream.answers[0].text for stream in streams]
    alike = sum(one == other for one, other in zip(texts[True], texts[False], strict=True))
    ahead = cores[True]._ahead
    state = "captured" if ahead is not None and ahead.graphs.capture is not None else "not captured"
    name = f"{device} {precision}: a decoding step of 3 rows, {state} against one by one"
    figures.add(name, f"{1000 * seconds[True]:.1f} ms against {1000 * seconds[False]:.1f} ms")
    figures.add(f"{name}, answers alike", f"{alike} of 3", "3 of 3", alike == 3)
    figures.add(
        f"{device} {precision}: graphs", state, "captured on a card", state == "captured" or device == "cpu"
    )


@pytest.mark.parametrize(("device", "precision"), DEVICES)
async def test_a_long_prompt_is_read(
    device: str, precision: str, open_core: OpenCore, figures: Figures
) -> None:
    core, length = open_core(device, precision), 300 if device == "cpu" else 4000
    submit(core, [request(40, length, 1)])  # loads what the first chunk needs
    run_out(core)
    (stream,) = submit(core, [request(41, length, 1)])
    started = perf_counter()
    run_out(core)
    seconds = perf_counter() - started
    (answer,) = stream.answers
    assert (answer.prompt_tokens, answer.tokens) == (length, 1)
    figures.add(f"{device} {precision}: first token of {length:,} tokens", f"{seconds:.2f} s")


@pytest.mark.parametrize(("device", "precision"), DEVICES)
async def test_steps_keep_no_memory(
    device: str, precision: str, open_core: OpenCore, figures: Figures
) -> None:
    core, steps = open_core(device, precision), 100 if device == "cpu" else 1000
    submit(core, [request(50 + number, 64, steps + WARM_UP + 2) for number in range(4)])
    for _ in range(WARM_UP):
        core.step()
    before = held_bytes(device)
    for _ in range(steps):
        core.step()
    growth = held_bytes(device) - before
    assert core.running_requests == 4
    run_out(core)
    name, bar = f"{device} {precision}: growth in {steps:,} steps", f"below {GROWTH:,} B"
    figures.add(name, f"{growth:,} B", bar, growth < GROWTH)
