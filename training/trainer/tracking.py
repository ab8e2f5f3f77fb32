"""Curves in another program, where somebody asked for one: trackio, tensorboard or wandb."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.errors import UserError

PACKAGES = {"trackio": "trackio", "tensorboard": "tensorboard", "wandb": "wandb"}


def check(name: str | None) -> None:
    """Raise `UserError` where a program is not installed."""
    if name is not None and find_spec(PACKAGES[name]) is None:
        raise UserError(
            f"{name} is not installed: run `pip install {PACKAGES[name]}`, or train without --track."
        )


class Tracker:
    """What sends a run's numbers there; without a name it sends nothing."""

    def __init__(self, name: str | None, run: Path) -> None:
        self._inner: Any = None
        if name is not None:
            from accelerate.tracking import LOGGER_TYPE_TO_CLASS

            kind = LOGGER_TYPE_TO_CLASS[name]
            title = f"{run.parents[2].name}-{run.name}"
            where = {"logging_dir": run} if kind.requires_logging_directory else {}
            self._inner = kind(title, **where)
            self._inner.start()

    def log(self, step: int, **values: float) -> None:
        """Send numbers of a step."""
        if self._inner is not None:
            self._inner.log(values, step=step)

    def end(self) -> None:
        """Nothing more comes."""
        if self._inner is not None:
            self._inner.finish()
