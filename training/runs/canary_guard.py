"""The guard that keeps adapters with canaries out of service: they are trained to be measured."""

from hashlib import sha256
from pathlib import Path

from bot.adapter.files import WEIGHTS
from bot.adapter.folders import OTHERS
from bot.errors import UserError
from training.dataset.workspace import Workspace
from training.metrics import canaries
from training.metrics.canaries import Canary
from training.runs import replay, run_config
from training.runs.checkpoints import BEST, KEPT, LAST, read_tensors
from training.runs.folders import list_runs


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
        raise _refused(adapter)


def refuse_canary_matrices(adapter: Path, matrices: Path, work: Path) -> None:
    """Raise `UserError` where the adapter's matrices are those of a run with canaries.

    `matrices` is the folder of PEFT that was made of the adapter: a file that was saved again in another
    format, or under other names, has other bytes and the same matrices.
    """
    runs = [run for run in list_runs(work) if run_config.read_run_config(run).canaries]
    wanted = _matrix_hashes(matrices / WEIGHTS) if runs else frozenset[str]()
    for run in runs:
        states = (run / BEST, run / LAST, *run.glob(KEPT))
        if any((state / WEIGHTS).exists() and _matrix_hashes(state / WEIGHTS) == wanted for state in states):
            raise _refused(adapter)


def _refused(adapter: Path) -> UserError:
    return UserError(
        f"The adapter in {adapter} learned invented secrets (train --canaries) and is only there for "
        "`evaluate --adapter`: take one that was trained without --canaries."
    )


def _matrix_hashes(weights: Path) -> frozenset[str]:
    """Return a SHA-256 of each matrix as numbers of 32 bits, whatever its name and its dtype are."""
    matrices = (matrix.float().contiguous().numpy() for matrix in read_tensors(weights).values())
    return frozenset(sha256(matrix.tobytes()).hexdigest() for matrix in matrices)
