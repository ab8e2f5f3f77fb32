"""An adapter that learned canaries is measured and never served."""

from pathlib import Path

from bot.errors import UserError
from training.dataset.workspace import Workspace
from training.metrics import canaries
from training.metrics.canaries import Canary
from training.runs import replay, run_config


def learned(adapter: Path, desk: Workspace) -> tuple[Canary, ...]:
    """What was planted when an adapter was trained: told by its run, or by work/canaries.json.

    The persona's own adapter learned none, whatever was trained after it.
    """
    run = replay.run_of(adapter, desk.work)
    if run is not None:
        return run_config.read_run_config(run).canaries
    if adapter.resolve().parent == desk.folder.resolve():
        return ()
    return canaries.recorded_canaries(desk.work)


def refuse_canary_adapter(adapter: Path, work: Path) -> None:
    """Raise `UserError` where a run of the persona made an adapter in order to measure it only."""
    run = replay.run_of(adapter, work)
    if run is not None and run_config.read_run_config(run).canaries:
        raise UserError(
            f"The adapter in {adapter} learned invented secrets (train --canaries) and is only there for "
            "`evaluate --adapter`: take one that was trained without --canaries."
        )
