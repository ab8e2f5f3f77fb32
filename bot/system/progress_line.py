"""A line of progress on a terminal, written over itself; nothing where the stream is a file or a pipe."""

from types import TracebackType
from typing import Self, TextIO

from bot.system.console import printable


class ProgressLine:
    """Shows the newest text in one line until the context ends, which clears it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._width = stream, 0

    def __enter__(self) -> Self:
        return self

    def show(self, text: str) -> None:
        """Write a text over the last one; an empty one clears it."""
        if not self._stream.isatty():
            return
        shown = printable(text).replace("\n", " ")
        self._stream.write(f"\r{shown:<{self._width}}" + ("\r" if not shown else ""))
        self._stream.flush()
        self._width = len(shown)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self.show("")
