"""Loss curves in another program: trackio, tensorboard or wandb (`train --track`)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.errors import UserError


def check_tracker(name: str | None) -> None:
    """Raise `UserError` where the package of a tracker is not installed."""
    if name is not None and find_spec(name) is None:
        raise UserError(f"{name} is not installed: run `pip install {name}`, or train without --track.")


class Tracker:
    """A run's numbers in accelerate's tracker of that name; without a name, they go nowhere."""

    def __init__(self, name: str | None, run_folder: Path) -> None:
        self._tracker: Any = None
        if name is not None:
            from accelerate.tracking import LOGGER_TYPE_TO_CLASS

            tracker_class = LOGGER_TYPE_TO_CLASS[name]
            title = f"{run_folder.parents[2].name}-{run_folder.name}"
            options = {"logging_dir": run_folder} if tracker_class.requires_logging_directory else {}
            self._tracker = tracker_class(title, **options)
            self._tracker.start()

    def log(self, step: int, **values: float) -> None:
        """Send the numbers of a step."""
        if self._tracker is not None:
            self._tracker.log(values, step=step)

    def end(self) -> None:
        """Finish the tracker's run."""
        if self._tracker is not None:
            self._tracker.finish()
