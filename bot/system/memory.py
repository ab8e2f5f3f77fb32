"""The main memory of this machine, and the most of it that this process has used."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_SYSCTL_SECONDS = 5.0


def available_memory() -> int | None:
    """Return the bytes that programs can still allocate, in a container those that it may still take.

    Returns None where the system does not say.
    """
    if sys.platform == "win32":
        return _windows_available()
    if sys.platform == "darwin":
        return _macos_available()
    limits = [limit for limit in (_linux_memory("MemAvailable:"), _cgroup_available()) if limit is not None]
    return min(limits, default=None)


def total_memory() -> int | None:
    """Return the bytes of main memory, in a container those that it may have; None where nothing says it."""
    if sys.platform == "win32":
        return _windows_total()
    if sys.platform == "darwin":
        counts = _macos_counts()
        return counts[0] if counts else None
    limits = [limit for limit in (_linux_memory("MemTotal:"), _cgroup_limit()) if limit is not None]
    return min(limits, default=None)


def peak_memory() -> int:
    """Return the most bytes of main memory that this process has had at once.

    Linux counts from the last `reset_peak_memory`, other systems from the start of the process.
    """
    if sys.platform == "win32":
        return _windows_peak()
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text("utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) << 10
    import resource

    unit = 1 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak_memory() -> None:
    """Start the peak again from the memory that is held now, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def _linux_memory(name: str) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text("utf-8")
        return int(text.split(name)[1].split()[0]) << 10
    return None


def _cgroup_limit() -> int | None:
    """Return the bytes that the cgroup of a container may have; None without a limit."""
    with suppress(OSError, ValueError):
        return int((_CGROUP / "memory.max").read_text("utf-8"))
    return None


def _cgroup_available() -> int | None:
    """Return the bytes that the cgroup of a container may still take; None without a limit.

    Files that lie in memory count as taken until somebody needs their place.
    """
    limit = _cgroup_limit()
    with suppress(OSError, ValueError):
        taken = int((_CGROUP / "memory.current").read_text("utf-8")) - _cgroup_files()
        return None if limit is None else max(0, limit - max(0, taken))
    return None


def _cgroup_files() -> int:
    """Return the bytes of files that a container holds in memory, which it can give up."""
    with suppress(OSError, ValueError):
        lines = (_CGROUP / "memory.stat").read_text("utf-8").splitlines()
        counts = dict(line.split() for line in lines)
        return int(counts.get("active_file", 0)) + int(counts.get("inactive_file", 0))
    return 0


def _macos_available() -> int | None:
    """Return the share of the memory that the kernel calls available, in percent, of all memory."""
    counts = _macos_counts()
    return counts[0] * counts[1] // 100 if counts else None


def _macos_counts() -> tuple[int, int] | None:
    """Return the bytes of main memory, and the percentage that the kernel calls available."""
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        command = ("/usr/sbin/sysctl", "-n", "hw.memsize", "kern.memorystatus_level")
        printed = subprocess.check_output(command, timeout=_SYSCTL_SECONDS, encoding="utf-8")
        total, percent = map(int, printed.split())
        return total, percent
    return None


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX."""

        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("physical", "available", "commit_limit", "commit_left")),
            *((name, ctypes.c_uint64) for name in ("virtual", "virtual_left", "extended_left")),
        )

    class _ProcessMemory(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = (
            ("length", ctypes.c_uint32),
            ("page_faults", ctypes.c_uint32),
            *((name, ctypes.c_size_t) for name in ("peak_working_set", "working_set")),
            *((name, ctypes.c_size_t) for name in ("peak_paged_pool", "paged_pool")),
            *((name, ctypes.c_size_t) for name in ("peak_other_pool", "other_pool")),
            *((name, ctypes.c_size_t) for name in ("page_file", "peak_page_file")),
        )

    def _windows_status() -> _MemoryStatus | None:
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        return status if ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)) else None

    def _windows_total() -> int | None:
        status = _windows_status()
        return int(status.physical) if status else None

    def _windows_available() -> int | None:
        """Return the free main memory, or less where Windows would promise a process no more."""
        status = _windows_status()
        return int(min(status.available, status.commit_left)) if status else None

    def _windows_peak() -> int:
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.K32GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
        memory = _ProcessMemory(length=ctypes.sizeof(_ProcessMemory))
        kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(memory), memory.length)
        return int(memory.peak_working_set)
