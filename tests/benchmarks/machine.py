"""The machine that is measured on: what it is, and the two speeds that no engine on it can exceed."""

import importlib.metadata
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
import torch

_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")
_BIG = 1 << 28  # numbers of 32 bits that are summed: far more than any cache holds
_SIDE = 2048  # of the matrices that are multiplied
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes that its memory gives, and products with a sum that its cores do in float32, per second."""

    bandwidth: float
    arithmetic: float

    def memory_floor(self, moved: float) -> float:
        """Seconds that reading so many bytes takes at least."""
        return moved / self.bandwidth

    def arithmetic_floor(self, products: float) -> float:
        """Seconds that so many multiplications with an addition take at least."""
        return products / self.arithmetic


def measure() -> Machine:
    """Sum a big tensor, and multiply two matrices: the best of some tries."""
    big = torch.ones(_BIG)
    bandwidth = big.nbytes / _best(big.sum)
    del big
    one = torch.rand(_SIDE, _SIDE)
    return Machine(bandwidth, _SIDE**3 / _best(lambda: one @ one))


def describe(machine: Machine) -> str:
    """Two lines for the head of a table."""
    capability = torch.backends.cpu.get_cpu_capability()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    return (
        f"{_processor()}, {capability}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; "
        f"memory reads at {machine.bandwidth / 1e9:.1f} GB/s, "
        f"{2 * machine.arithmetic / 1e9:.0f} GFLOP/s in float32\n"
        f"Python {platform.python_version()}, {versions}"
    )


class Others:
    """What other programs take of the cores, from its making on. Linux knows; elsewhere it is a guess."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = perf_counter(), _busy(), _own()

    @property
    def seconds(self) -> float:
        """Since its making."""
        return perf_counter() - self._began

    @property
    def share(self) -> float:
        """Of all cores, 0 to 1, once the children of this process have ended."""
        taken = _busy() - self._busy - (_own() - self._own)
        return max(0.0, taken) / (self.seconds * (os.cpu_count() or 1))


def _busy() -> float:
    """Seconds of all cores in all programs."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TRIES):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times)
