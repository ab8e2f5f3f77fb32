"""Signals, and the closing of a console window on Windows, as calls of a function.

Windows sends no SIGTERM: Ctrl-Break is SIGBREAK. When somebody closes the console window, logs out or shuts
the machine down, Windows calls a handler on a thread of its own, and kills the process when that handler
returns or five seconds later.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

Restore = Callable[[], None]

SECONDS_TO_END = 4.5 if sys.platform == "win32" else 9.5  # what the system leaves a process that it ends
_CONSOLE_EVENTS = (2, 5, 6)  # CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT
_console_handlers = list[object]()  # Windows calls them, so that they must not be collected


def end_signals() -> tuple[signal.Signals, ...]:
    """Return the signals other than Ctrl-C that ask a process to end."""
    if sys.platform == "win32":
        return (signal.SIGTERM, signal.SIGBREAK)
    return (signal.SIGTERM,)


def set_signal_handlers(numbers: Iterable[signal.Signals], handle: Callable[[], object]) -> Restore:
    """Let each of these signals call `handle` in the main thread; return a function that undoes this.

    With SIGTERM among them, Windows also calls `handle` before it ends the console, on a thread of its own.
    Only the main thread may call this.
    """
    numbers = tuple(numbers)
    previous = {number: signal.signal(number, lambda _number, _frame: handle()) for number in numbers}
    release_console = _handle_console_end(handle) if signal.SIGTERM in numbers else None

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if release_console is not None:
            release_console()

    return restore


def set_loop_signal_handlers(numbers: Iterable[signal.Signals], handle: Callable[[], object]) -> Restore:
    """Let each of these signals call `handle` on the running loop, as `set_signal_handlers` does.

    `loop.add_signal_handler` does so too, but not on Windows.
    """
    loop = asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is about to end
            loop.call_soon_threadsafe(handle)

    return set_signal_handlers(numbers, wake)


def _handle_console_end(handle: Callable[[], object]) -> Restore | None:
    """Call `handle` before Windows ends the console, and let Windows wait for the end of this process."""
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    def on_event(event: int) -> bool:
        if event not in _CONSOLE_EVENTS:
            return False  # Ctrl-C and Ctrl-Break are signals
        with suppress(KeyboardInterrupt):  # the second request to end
            handle()
        threading.Event().wait()
        return True

    routine = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
    set_handler = ctypes.WinDLL("kernel32").SetConsoleCtrlHandler
    set_handler.argtypes, set_handler.restype = (routine, wintypes.BOOL), wintypes.BOOL
    handler = routine(on_event)
    _console_handlers.append(handler)
    set_handler(handler, True)

    def release() -> None:
        set_handler(handler, False)
        _console_handlers.remove(handler)

    return release
