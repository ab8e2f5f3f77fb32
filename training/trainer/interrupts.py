"""Ctrl-C and SIGTERM end training behind the step that is under way, so that its state can be saved."""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any, Self


class StopRequest(AbstractContextManager["StopRequest"]):
    """Whether somebody asked to stop. Who asks twice is obeyed at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before = dict[int, Callable[..., Any] | int | None]()

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
