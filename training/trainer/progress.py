"""A bar on standard error while a persona learns: loss, tokens a second, time left."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class TrainingBar(AbstractContextManager["TrainingBar"]):
    """The bar. `total` is in tokens; nothing is shown where nobody looks, and one can still say things."""

    def __init__(self, total: int, shown: bool) -> None:
        self._console = Console(stderr=True, quiet=not shown)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=self._console, disable=not shown)
        self._task = self._progress.add_task("learning", total=total, loss="", speed="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, tokens: int, loss: float, speed: float) -> None:
        """So many more tokens were read; `speed` in tokens a second."""
        self._progress.update(
            self._task, advance=tokens, loss=f"loss {loss:.3f}", speed=f"{speed:,.0f} tok/s"
        )

    def set(self, tokens: int) -> None:
        """So many have been read in all."""
        self._progress.update(self._task, completed=tokens)

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(text, highlight=False, markup=False)
