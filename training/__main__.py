"""The commands of the trainer: each reads files, writes the next ones, and names the next command."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bot import config
from bot.command_parser import CommandParser
from bot.engine.runtime.environment import prepare_environment
from bot.errors import UserError
from bot.persona.new_folder import check_key
from bot.system.console import json_text, prepare_output, write_line
from bot.system.ownership import check_owners
from bot.system.user_path import user_path
from training.commands.types import Commands

try:
    from training.commands import (
        adapters,
        data,
        evaluate,
        formats,
        import_exports,
        import_summary,
        make,
        make_persona,
        recipe,
        train,
    )
    from training.commands.import_options import add_import_options
    from training.evaluation.limits import LimitExceeded
    from training.progress.display import open_display
    from training.tokenization.preview import COLOURS
except ModuleNotFoundError as missing:
    write_line(f"training: {missing.name} is not installed: run `pip install '.[train]'`.", sys.stderr)
    sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns 0 for done, 1 for an adapter over a limit, 2 for bad input, 130 for interrupted.
    """
    prepare_output()
    prepare_environment()  # before any of the model libraries: their bars are off
    options = _parser().parse_args(arguments)
    try:
        write_line(COMMANDS[options.command](options), colours=COLOURS)
    except LimitExceeded as exceeded:
        write_line(exceeded.text)
        write_line(f"training: {exceeded}", sys.stderr)
        return 1
    except UserError as error:
        write_line(f"training: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        write_line(f"training: {stopped or 'interrupted; nothing was changed.'}", sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = CommandParser(prog="python -m training", description=__doc__)
    parser.add_argument("--config", type=user_path, help="the settings (default: ./config.toml)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_import(commands)
    formats.add_formats_command(commands)
    data.add_data_commands(commands)
    train.add_train_command(commands)
    evaluate.add_evaluate_command(commands)
    adapters.add_adapter_commands(commands)
    make.add_make_command(commands)
    recipe.add_recipe_command(commands)
    return parser


def _add_import(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("import", help="read exported chats and posts into a persona's folder")
    command.add_argument("paths", metavar="PATH", type=user_path, nargs="+", help="a zip, a folder or a file")
    command.add_argument("--persona", metavar="NAME", required=True, help="the persona that learns from them")
    add_import_options(command)
    command.add_argument("--json", action="store_true", help="the result as JSON")
    command.set_defaults(command="import")


def _import(options: argparse.Namespace) -> str:
    with open_display() as display:
        folder = _folder(options)
        likely = make_persona.likely_names(folder)
        imported = import_exports.import_exports(options, folder, display, likely=likely)
    if options.json:
        return json_text(import_summary.import_json(imported))
    summary = import_summary.describe_import(imported)
    return f"{summary}\nNext: python -m training build --persona {shlex.quote(options.persona)}"


def _make(options: argparse.Namespace) -> str:
    settings = ["--config", str(options.config)] if options.config else []
    return make.make(options, lambda words: _parser().parse_args([*settings, *words]))


def _folder(options: argparse.Namespace) -> Path:
    """Return the persona's folder; raises `UserError` where there is none, or others could write it."""
    personas: Path = config.load_config(options.config).personas
    known = (
        sorted(path.name for path in personas.glob("*/") if path.name[0] not in "._")
        if personas.is_dir()
        else []
    )
    if options.persona not in known:
        check_key(personas, options.persona)
        there = ", ".join(known) or "none"
        raise UserError(
            f"There is no persona {options.persona!r} in {personas}: known are {there}; "
            f"`python -m bot persona new {shlex.quote(options.persona)}` makes one."
        )
    check_owners(personas / str(options.persona))
    return personas / str(options.persona)


COMMANDS: dict[str, Callable[[argparse.Namespace], str]] = {
    "import": _import,
    "formats": formats.show_formats,
    "build": partial(data.build, folder=_folder),
    "preview": partial(data.preview, folder=_folder),
    "train": partial(train.train, folder=_folder),
    "evaluate": partial(evaluate.evaluate, folder=_folder),
    "export": partial(adapters.export, folder=_folder),
    "adopt": partial(adapters.adopt, folder=_folder),
    "push": partial(adapters.push, folder=_folder),
    "pull": partial(adapters.pull, folder=_folder),
    "convert": adapters.convert,
    "forget": partial(data.forget, folder=_folder),
    "make": _make,
    "recipe": recipe.recipe,
}


if __name__ == "__main__":
    sys.exit(main())
