"""The command `recipe`: the keys of [training] and of a recipe's file, and where a persona's files lie."""

import argparse
import shutil
import textwrap
from argparse import Namespace

from bot.persona.folder_layout import PERSONA_FILES
from training.commands.types import Commands
from training.planning.recipe_keys import RecipeKey, recipe_keys

_WIDEST = 110  # columns
_HEAD = (
    "The keys of the table [training] in persona.toml, and of a file for `train --recipe FILE`. One that is "
    "left out has its default; `train --plan` prints the values that a persona gets, each with its reason, "
    "and `train --plan --write-recipe FILE` writes them into a file."
)
_PLACES = "The files of a persona lie in personas/NAME/:"


def add_recipe_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `recipe` to the command line."""
    words = "show every key of a recipe and of [training], and where a persona's files lie"
    commands.add_parser("recipe", help=words, description=words).set_defaults(command="recipe")


def recipe(options: Namespace) -> str:
    """Return the help on recipes."""
    columns = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
    keys = [line for key in recipe_keys() for line in _key_lines(key, columns)]
    names = max(len(path) for path, _ in PERSONA_FILES) + 2
    places = [line for path, use in PERSONA_FILES for line in _wrapped(path, use, names, columns)]
    return "\n".join([textwrap.fill(_HEAD, columns), "", *keys, "", _PLACES, *places])


def _key_lines(key: RecipeKey, columns: int) -> list[str]:
    values = f"{key.values} ({key.unit})" if key.unit else key.values
    lines = (key.meaning, f"{values}; by default {key.default}")
    return [line for n, text in enumerate(lines) for line in _wrapped(key.name * (not n), text, 15, columns)]


def _wrapped(name: str, text: str, indent: int, columns: int) -> list[str]:
    first, rest = f"{name:<{indent}}", " " * indent
    return textwrap.wrap(text, max(columns, 40), initial_indent=first, subsequent_indent=rest)
