"""Progress bar of training on standard error: tokens, loss, tokens per second, time left."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.system.console import printable


class TrainingBar(AbstractContextManager["TrainingBar"]):
    """A bar of `total` tokens, with messages above it; hidden in every process but the main one."""

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
        self._task = self._progress.add_task("training", total=total, loss="", speed="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, tokens: int, loss: float, speed: float) -> None:
        """Add the tokens of a step, with its loss (nats) and speed (tokens per second)."""
        self._progress.update(
            self._task, advance=tokens, loss=f"loss {loss:.3f}", speed=f"{speed:,.0f} tok/s"
        )

    def set_completed(self, tokens: int) -> None:
        """Set the tokens of all steps so far."""
        self._progress.update(self._task, completed=tokens)

    def print(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(printable(text), highlight=False, markup=False)
