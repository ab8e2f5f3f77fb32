"""How much memory there is, and how much this process took at most."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")


def available_memory(device: str) -> int | None:
    """Bytes that can still be had on a device; None where the system does not tell."""
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0]
    limits = [limit for limit in (_free(), _granted()) if limit is not None]
    return min(limits, default=None)


def peak_memory(device: str) -> int:
    """The most bytes that this process had on a device, since `forget_peak` where the system can do that."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_reserved(device)
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak(device: str) -> None:
    """Count the peak anew from what is held now."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def _free() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        told = Path("/proc/meminfo").read_text()
        return int(told.split("MemAvailable:")[1].split()[0]) << 10
    return None


def _granted() -> int | None:
    """What the container may still take, where one limits it."""
    with suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        return max(0, limit - int((_CGROUP / "memory.current").read_text()))
    return None
