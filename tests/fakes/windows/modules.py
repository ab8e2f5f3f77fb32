"""Modules of the standard library as CPython has them on Windows."""

import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from tests.fakes.windows import kernel32
from tests.fakes.windows.files import denied

NAME = "pretended"  # the package of these modules
MISSING = frozenset("fcntl grp posix pwd readline resource syslog termios tty pty crypt".split())
_POSIX_OS = """
O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_DIRECTORY O_SYNC O_DSYNC O_NOCTTY O_ASYNC O_PATH O_TMPFILE
SC_PAGE_SIZE WNOHANG chown chroot confstr ctermid eventfd fchdir fchmod fchown fork forkpty fpathconf fstatvfs
getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getresuid getsid getuid initgroups
killpg lchown lockf major makedev memfd_create minor mkfifo mknod nice openpty pathconf pipe2 posix_fadvise
posix_fallocate posix_spawn pread preadv pwrite pwritev readv register_at_fork sched_getaffinity
sched_setaffinity sched_yield sendfile setegid seteuid setgid setpgid setpriority setsid setuid splice
statvfs sync sysconf sysconf_names tcgetpgrp ttyname uname wait wait3 wait4 waitid writev
""".split()
_SIGNALS = "SIGABRT SIGFPE SIGILL SIGINT SIGSEGV SIGTERM".split()
_POSIX_SIGNAL = """
alarm setitimer getitimer pause pthread_kill pthread_sigmask sigpending sigwait sigwaitinfo sigtimedwait
siginterrupt
""".split()
SIGBREAK = 21  # Windows' number, which is SIGTTIN here


class Shown(ModuleType):
    """A module with some names missing and others changed; all else is the real module's, as it is now."""

    def __init__(self, real: ModuleType, missing: list[str], changed: Mapping[str, object]) -> None:
        super().__init__(real.__name__)
        self.__dict__["_real"], self.__dict__["_missing"] = real, frozenset(missing)
        self.__dict__["_changed"] = dict(changed)

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return self._changed[name] if name in self._changed else getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._real, name, value)


def _open(path: Any, flags: int, mode: int = 0o777, **named: Any) -> int:
    """Open a file whose rights are those of any file, as `chmod` and `mode` cannot take them away."""
    if isinstance(path, str | os.PathLike) and os.path.isdir(path):
        raise denied(5, os.fspath(path))
    return os.open(path, flags, 0o666, **named)


def _fsync(descriptor: int) -> None:
    """Refuse a file that is open for reading alone, as FlushFileBuffers does."""
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(9, "Bad file descriptor")
    os.fsync(descriptor)


def _access(path: Any, mode: int, *, effective_ids: bool = False) -> bool:
    if effective_ids:
        raise NotImplementedError("access: effective_ids unavailable on this platform")
    return os.access(path, mode)


def _chmod(path: Any, mode: int, **named: Any) -> None:
    """Set or clear the read-only attribute, all that `chmod` knows on Windows."""
    os.chmod(path, 0o666 if mode & 0o200 else 0o444, **named)


def _signal(number: int, handler: Any) -> Any:
    if number not in [*(getattr(signal, name) for name in _SIGNALS), SIGBREAK]:
        raise ValueError("signal number out of range")
    return signal.signal(number, handler)


def _absent_signals() -> list[str]:
    names = (name for name in dir(signal) if name.startswith("SIG") and not name.startswith("SIG_"))
    return [name for name in names if name not in (*_SIGNALS, "SIGBREAK")]


_OS = {
    **{"name": "nt", "O_BINARY": 0, "O_NOINHERIT": 0, "supports_effective_ids": frozenset()},
    **{"supports_dir_fd": frozenset(), "supports_fd": frozenset({os.truncate, os.stat})},
    **{"open": _open, "fsync": _fsync, "access": _access, "chmod": _chmod},
}
_SIGNAL = {"SIGBREAK": SIGBREAK, "CTRL_C_EVENT": 0, "CTRL_BREAK_EVENT": 1, "signal": _signal}
_CTYPES = {"WinDLL": kernel32.Library, "WINFUNCTYPE": ctypes.CFUNCTYPE, "WinError": kernel32.error}
shown_modules = {
    "os": Shown(os, _POSIX_OS, _OS),
    "sys": Shown(sys, ["getdlopenflags", "setdlopenflags", "abiflags"], {"platform": "win32"}),
    "signal": Shown(signal, [*_absent_signals(), *_POSIX_SIGNAL], _SIGNAL),
    "time": Shown(time, ["tzset", "clock_gettime", "clock_gettime_ns", "pthread_getcpuclockid"], {}),
    "ctypes": Shown(ctypes, [], {**_CTYPES, "get_last_error": lambda: 0}),
}
