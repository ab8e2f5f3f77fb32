"""The configuration that a run began with: recipe.json in its folder."""

from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from training.metrics.canaries import Canary
from training.planning.recipe import Recipe
from training.runs.curve_position import CurvePosition
from training.runs.folders import RECIPE, read_run_file


class KeptSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of an earlier run that a run goes on with.

    `run` is its folder's name, `position` where it left the curve, `updates` those that AdamW had made.
    """

    run: str
    position: CurvePosition
    updates: int


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """recipe.json. `data` are the hashes of the data, of the model and of all else that examples depend on.

    `authors` are the pseudonyms of all whose words the adapter will hold, `canaries` those planted in the
    data, `schedule` is that of an earlier run that this one goes on with.
    """

    recipe: Recipe
    reasons: dict[str, str]
    base_model: str
    base_hash: str
    window: int
    data: dict[str, str]
    authors: tuple[str, ...]
    continued_from: str | None = None
    canaries: tuple[Canary, ...] = ()
    schedule: KeptSchedule | None = None


def read_run_config(folder: Path) -> RunConfig:
    """Read recipe.json of a run; raises `UserError` where it is missing or damaged."""
    return read_run_file(folder / RECIPE, RunConfig)


def has_options(recipe: Recipe, options: TrainingOptions) -> bool:
    """Return whether a recipe has the values that persona.toml sets; those that memory forbade may differ."""
    given = {key: value for key, value in options.model_dump().items() if value is not None}
    fitted = {"row", "checkpointing"}
    return all(getattr(recipe, key, value) == value for key, value in given.items() if key not in fitted)


def check_resumable(config: RunConfig, data: dict[str, str], base_hash: str, folder: Path) -> None:
    """Raise `UserError` where the base model or the data are not those that a run began with."""
    if config.base_hash != base_hash:
        raise UserError(
            f"The run in {folder} was begun with the base model {config.base_model}, and another is set now: "
            "set [model] name back, or train without --resume."
        )
    if config.data != data:
        raise UserError(
            f"The data have changed since the run in {folder} was begun: train without --resume, or with "
            f"--continue-from {folder / 'best'}."
        )
