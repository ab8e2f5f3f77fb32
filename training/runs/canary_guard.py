"""The guard that keeps adapters with canaries out of service: they are trained to be measured."""

from pathlib import Path

from bot.adapter.folders import OTHERS
from bot.errors import UserError
from training.dataset.workspace import Workspace
from training.metrics import canaries
from training.metrics.canaries import Canary
from training.runs import replay, run_config


def learned_canaries(adapter: Path, workspace: Workspace) -> tuple[Canary, ...]:
    """Return the canaries that an adapter was trained on, by its run or else by work/canaries.json.

    The persona's own adapters learned none, whatever was trained after them.
    """
    run = replay.find_run(adapter, workspace.work)
    if run is not None:
        return run_config.read_run_config(run).canaries
    own = workspace.folder.resolve()
    if adapter.resolve().parent in (own, own / OTHERS):
        return ()
    return canaries.recorded_canaries(workspace.work)


def refuse_canary_adapter(adapter: Path, work: Path) -> None:
    """Raise `UserError` for an adapter that a run of the persona trained on canaries."""
    run = replay.find_run(adapter, work)
    if run is not None and run_config.read_run_config(run).canaries:
        raise UserError(
            f"The adapter in {adapter} learned invented secrets (train --canaries) and is only there for "
            "`evaluate --adapter`: take one that was trained without --canaries."
        )
