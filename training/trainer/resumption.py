"""The newest run of a persona, as far as it can be resumed."""

from pathlib import Path

from bot.errors import UserError
from training.dataset.workspace import Workspace
from training.planning import resources
from training.runs import checkpoints, folders, run_config
from training.trainer.base_model import BaseModel


def can_resume(workspace: Workspace, base: BaseModel, hashes: dict[str, str]) -> bool:
    """Return whether the newest run was interrupted after its first checkpoint, with these data and model."""
    folder = (folders.list_runs(workspace.work) or [Path()])[-1]
    if folders.is_finished(folder) or not checkpoints.has_checkpoint(folder):
        return False
    try:
        config = run_config.read_run_config(folder)
        folders.read_run_file(folder / folders.PLAN, resources.ResourcePlan)
        run_config.check_resumable(config, hashes, base.plan.fingerprint, folder)
    except UserError:
        return False
    return not config.canaries and run_config.has_options(config.recipe, workspace.persona.training)
