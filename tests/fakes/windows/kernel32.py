"""The functions of Windows' own libraries that `bot` calls, and the end of a console window.

SIGHUP stands for the closing of the window: Linux sends it for that, and Windows has no such signal.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

SECONDS = 5.0  # that Windows waits for the handlers
AVAILABLE, PEAK = 6 << 30, 700 << 20  # bytes
CLOSED = 0xC000013A & 0xFF  # the exit code of a process that Windows ended
DESCRIPTOR = "ALTEREGO_PRETENDED_SDDL"  # environment: the rights of every file
LONG_PATHS = "ALTEREGO_PRETENDED_LONG_PATHS"  # environment: whether they are switched on
PRIVATE = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;S-1-5-21-1-2-3-1001)"
_CLOSE_EVENT = 2
_handlers: list[Callable[[int], bool]] = []


class _Function:
    """A function of a library, whose types may be declared."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.argtypes: Any = None
        self.restype: Any = None

    def __call__(self, *given: Any) -> Any:
        return self._function(*given)


class Library:
    """kernel32, advapi32 and ntdll."""

    def __init__(self, name: str, use_last_error: bool = False) -> None:
        for function in (_set_console_handler, _memory_status, _process_memory, _security, _as_text):
            setattr(self, _NAMES[function], _Function(function))
        self.GetCurrentProcess = _Function(lambda: -1)
        self.LocalFree = _Function(lambda memory: None)
        self.RtlAreLongPathsEnabled = _Function(lambda: int(bool(os.environ.get(LONG_PATHS))))


def _set_console_handler(handler: Callable[[int], bool], is_added: bool) -> bool:
    if is_added:
        _handlers.append(handler)
    else:
        _handlers.remove(handler)
    return True


def _memory_status(status: Any) -> bool:
    if status._obj.length != 64:  # bytes of MEMORYSTATUSEX
        return False
    status._obj.available = status._obj.commit_left = AVAILABLE
    return True


def _process_memory(process: int, memory: Any, length: int) -> bool:
    if (process, length, memory._obj.length) != (-1, 72, 72):  # bytes of PROCESS_MEMORY_COUNTERS
        return False
    memory._obj.peak_working_set = PEAK
    return True


def _security(path: Any, kind: int, parts: int, *pointers: Any) -> int:
    assert (kind, parts) == (1, 4)
    return 0 if os.path.exists(path.value) else 2


def _as_text(descriptor: Any, revision: int, parts: int, text: Any, length: Any) -> bool:
    text._obj.value = os.environ.get(DESCRIPTOR, PRIVATE)
    return True


_NAMES: dict[Callable[..., Any], str] = {
    _set_console_handler: "SetConsoleCtrlHandler",
    _memory_status: "GlobalMemoryStatusEx",
    _process_memory: "K32GetProcessMemoryInfo",
    _security: "GetNamedSecurityInfoW",
    _as_text: "ConvertSecurityDescriptorToStringSecurityDescriptorW",
}


def error(code: int) -> OSError:
    return OSError(code, f"WinError {code}")


def listen_for_console_end() -> None:
    """Let SIGHUP call the handlers, last one first, and end the process when they return or time is up."""

    def close() -> None:
        for handler in reversed(_handlers):
            if handler(_CLOSE_EVENT):
                break
        os._exit(CLOSED)

    def start(number: int, frame: object) -> None:
        threading.Thread(target=close, daemon=True).start()
        timer = threading.Timer(SECONDS, os._exit, [CLOSED])
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGHUP, start)
