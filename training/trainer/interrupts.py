"""Ctrl-C and the signals that end a process, as a request to stop after the step in progress.

The state of that step is saved.
"""

import signal
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from bot.system.signals import Restore, end_signals, set_signal_handlers


class StopRequest(AbstractContextManager["StopRequest"]):
    """A flag that SIGINT and the signals of an end set; a second one raises `KeyboardInterrupt` at once."""

    def __init__(self) -> None:
        self.requested = False
        self._restore: Restore | None = None

    def __enter__(self) -> Self:
        self._restore = set_signal_handlers((signal.SIGINT, *end_signals()), self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._restore
        self._restore()

    def _request(self) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
