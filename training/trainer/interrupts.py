"""Ctrl-C and SIGTERM as a request to stop after the step in progress, so that its state is saved."""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any, Self


class StopRequest(AbstractContextManager["StopRequest"]):
    """A flag that SIGINT and SIGTERM set; a second signal raises `KeyboardInterrupt` at once."""

    def __init__(self) -> None:
        self.requested = False
        self._previous = dict[int, Callable[..., Any] | int | None]()

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
