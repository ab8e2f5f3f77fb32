"""The free memory of a device, and the peak of this process."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")


def available_memory(device: str) -> int | None:
    """Return the free bytes of a device, "cpu" or "cuda..."; None where the system does not tell."""
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0]
    limits = [limit for limit in (_free_memory(), _cgroup_memory()) if limit is not None]
    return min(limits, default=None)


def peak_memory(device: str) -> int:
    """Return the most bytes that this process had on a device.

    Counts from the last `reset_peak_memory` on CUDA and Linux, else from the start of the process.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_reserved(device)
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak_memory(device: str) -> None:
    """Start the peak again from the memory that is held now."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def _free_memory() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text()
        return int(text.split("MemAvailable:")[1].split()[0]) << 10
    return None


def _cgroup_memory() -> int | None:
    """Return the bytes that the cgroup of a container may still take; None without a limit."""
    with suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        return max(0, limit - int((_CGROUP / "memory.current").read_text()))
    return None
