"""A display of the stage in progress: one line on a terminal, drawn again and again; else slower."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from rich.cells import cell_len, set_cell_size

from bot.system.console import printable
from training.progress.estimate import Clock
from training.progress.stage import Stage

TICK = 0.25  # seconds between two looks at the stage
PATIENCE = 1.5  # seconds without a word, after which a stage is named in a file
FALLBACK_COLUMNS = 80
FILE_INTERVAL = 15.0  # seconds between two lines about the same stage in a file


class ProgressDisplay:
    """Shows the innermost stage that is in progress, from a thread of its own, until its context ends.

    A terminal has one line, which is written over. A file or a pipe gets a line for each stage that takes
    longer than `PATIENCE`, and another one each `FILE_INTERVAL`. Without a stream, nothing is shown.
    """

    def __init__(self, stream: TextIO | None, clock: Clock = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._is_terminal = stream is not None and stream.isatty()
        self._stages, self._lock = list[Stage](), threading.RLock()
        self._told: Stage | None = None  # the stage of the last line in a file
        self._spoke, self._width = clock(), 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._stream is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._clear()

    @contextmanager
    def stage(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Stage]:
        """Show a stage, inside of those that are in progress, until the context ends."""
        stage = Stage(name, self._clock, total, unit)
        with self._lock:
            self._stages.append(stage)
            if self._is_terminal:  # at once: an import of libraries may hold the interpreter for seconds
                self._draw()
        try:
            yield stage
        finally:
            with self._lock:
                self._stages.remove(stage)
                self._clear()

    def say(self, text: str) -> None:
        """Write a line, which stays, above the stage in progress."""
        if self._stream is None:
            return
        with self._lock:
            self._clear()
            self._write(printable(text) + "\n")
            self._draw()

    def tick(self) -> None:
        """Look at the stage in progress, and show it where that is due."""
        with self._lock:
            self._draw()

    def _run(self) -> None:
        while not self._ended.wait(TICK):
            self.tick()

    def _draw(self) -> None:
        stage = self._stages[-1] if self._stages else None
        if stage is None or self._stream is None:
            return
        if self._is_terminal:
            self._draw_line(printable(stage.line()).replace("\n", " "))
        elif self._is_due(stage):
            self._told = stage
            self._write(printable(stage.line()) + "\n")

    def _is_due(self, stage: Stage) -> bool:
        wait = FILE_INTERVAL if stage is self._told else PATIENCE
        return self._clock() - self._spoke >= wait

    def _draw_line(self, text: str) -> None:
        columns = self._columns() - 1
        width = min(columns, cell_len(text))
        self._write(f"\r{set_cell_size(text, max(width, min(columns, self._width)))}")
        self._width = width

    def _columns(self) -> int:
        try:
            assert self._stream is not None
            return os.get_terminal_size(self._stream.fileno()).columns or FALLBACK_COLUMNS
        except (OSError, ValueError):
            return FALLBACK_COLUMNS

    def _clear(self) -> None:
        if self._width:
            self._write(f"\r{' ' * self._width}\r")
            self._width = 0

    def _write(self, text: str) -> None:
        assert self._stream is not None
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a closed pipe or a full disk must not end the work
            self._stream = None
            self._width = 0
        self._spoke = self._clock()


def open_display() -> ProgressDisplay:
    """Return a display on standard error; a silent one in all but the first of several processes.

    `accelerate launch` tells each its rank.
    """
    return ProgressDisplay(sys.stderr if os.environ.get("RANK", "0") == "0" else None)


SILENT = ProgressDisplay(None)
