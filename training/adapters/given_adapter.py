"""An adapter that a command names, a run or any folder, in the place of the persona's own."""

from dataclasses import replace
from pathlib import Path

import msgspec

from bot.adapter.base_match import same_name
from bot.adapter.files import CONFIG, WEIGHTS
from bot.engine.checkpoint.source import locate_model, model_fingerprint
from bot.errors import UserError
from training.adapters.source import find_adapter
from training.dataset.workspace import Workspace
from training.runs import canary_guard
from training.runs.folders import RECIPE, read_run_file


class _TrainedOn(msgspec.Struct, frozen=True):
    """The base model of a run, of its recipe.json."""

    base_model: str = ""
    base_hash: str = ""


def with_given_adapter(workspace: Workspace, adapter: Path | None) -> Workspace:
    """Return the workspace of a persona with this adapter alone, or with its own for None.

    Raises `UserError` without one, and for one that learned canaries or was trained on another base model.
    """
    persona = workspace.persona
    if adapter is None:
        if not persona.adapters:
            raise UserError(f"{persona.key} has no adapter to export: `python -m training train` makes one.")
        return workspace
    found = find_adapter(adapter)
    canary_guard.refuse_canary_adapter(found.folder, workspace.work)
    if not found.is_in_place:
        raise UserError(
            f"The adapter in {adapter} is not in PEFT's two files ({CONFIG}, {WEIGHTS}): `python -m training "
            "adopt` makes them of it."
        )
    _check_base(workspace, found.folder)
    return replace(workspace, persona=replace(persona, adapter=found.folder, other_adapters=()))


def _check_base(workspace: Workspace, checkpoint: Path) -> None:
    """Raise `UserError` for a run's checkpoint that was trained on another base model; it has no manifest."""
    if not (checkpoint.parent / RECIPE).exists():
        return
    run, source = (
        read_run_file(checkpoint.parent / RECIPE, _TrainedOn),
        locate_model(workspace.settings.model),
    )
    if not run.base_model or source.path is None or same_name(run.base_model, source.name):
        return
    if model_fingerprint(source) != run.base_hash:
        raise UserError(
            f"The run in {checkpoint.parent} was trained on {run.base_model}, and {source.name} is set: set "
            "[model] name to the base model of the run."
        )
