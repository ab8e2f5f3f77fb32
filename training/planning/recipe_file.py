"""Recipes in files: a recipe written with the reason of each value, and options read from such a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import write_private
from bot.persona.training_options import TrainingOptions
from bot.toml import parse_toml, read_toml
from training.planning.recipe import ChosenRecipe, is_set

# values that follow from the machine: a file has them as comments, unless somebody set them
_OF_MACHINE = ("row", "checkpointing", "precision", "device")
_COLUMN = 24  # characters before the reasons of short values
_HEAD = """\
# A recipe of `python -m training train`, to be read with --recipe FILE. Its keys are those of [training] in
# persona.toml; one that is left out is chosen by the data and the base model. Keys behind a # follow from
# the machine.
"""


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """Options of training from several places, and the place of each that is not from persona.toml."""

    options: TrainingOptions
    sources: Mapping[str, str] = field(default_factory=dict)

    def merged(self, options: TrainingOptions, source: str) -> "GivenOptions":
        """Return these options with others, which go before them; `source` says where the others are from."""
        return self.updated({key: value for key, value in options if value is not None}, source)

    def updated(self, values: Mapping[str, object], source: str) -> "GivenOptions":
        """Return these options with other values of the same keys, as `merged` does."""
        sources = {**self.sources, **dict.fromkeys(values, source)}
        return GivenOptions(self.options.model_copy(update=values), sources)


def read_recipe(path: Path) -> TrainingOptions:
    """Read a recipe. Raises `UserError` with the line of each key that is not known, and the nearest one."""
    text = read_toml(path, "`python -m training train --plan --write-recipe FILE` writes one")
    return parse_toml(TrainingOptions, text, path)


def check_new_file(path: Path) -> None:
    """Raise `UserError` where a recipe cannot be written, so that nothing begins in vain."""
    if path.exists() or path.is_symlink():
        raise UserError(f"{path} is there already: name another file for the recipe, or delete that one.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"There is no folder {path.absolute().parent}: make it, or name another file.")


def write_recipe(path: Path, chosen: ChosenRecipe) -> None:
    """Write a recipe as TOML. Raises `UserError` where the file is there or cannot be written."""
    check_new_file(path)
    write_private(path, [recipe_text(chosen).encode()])


def recipe_text(chosen: ChosenRecipe) -> str:
    """Return a recipe as TOML, with the reason of each value behind it."""
    lines = {key: f"{key} = {json.dumps(value)}" for key, value in msgspec.to_builtins(chosen.recipe).items()}
    for key in _OF_MACHINE:
        if not is_set(chosen.reasons[key]):
            lines[key] = f"# {lines[key]}"
    return _HEAD + "".join(f"{line:<{_COLUMN}}  # {chosen.reasons[key]}\n" for key, line in lines.items())
