"""How a run was begun: recipe.json in its folder."""

from pathlib import Path

import msgspec

from bot.errors import UserError
from training.metrics.canaries import Canary
from training.planning.recipe import Recipe
from training.runs.folders import RECIPE, read_json


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """recipe.json. `data` are the hashes of the data, of the model and of all else that lessons depend on.

    `authors` are the pseudonyms of all whose words the adapter will hold, `canaries` what was planted.
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


def read_run_config(folder: Path) -> RunConfig:
    """How a run was begun; raises `UserError` where its folder does not say."""
    return read_json(folder / RECIPE, RunConfig)


def check_same(record: RunConfig, data: dict[str, str], base_hash: str, folder: Path) -> None:
    """Raise `UserError` where a run cannot go on, since it would not be the same run."""
    if record.base_hash != base_hash:
        raise UserError(
            f"The run in {folder} was begun with the base model {record.base_model}, and another is set now: "
            "set [model] name back, or train without --resume."
        )
    if record.data != data:
        raise UserError(
            f"The data have changed since the run in {folder} was begun: train without --resume, or with "
            f"--continue-from {folder / 'best'}."
        )
