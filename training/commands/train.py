"""The command `train`: train a LoRA adapter on the persona's data and install it."""

import argparse
import shlex
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bot import config
from bot.engine.runtime.nvidia import cuda_remedy
from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from bot.system.console import json_text, printable
from bot.system.user_path import user_path
from bot.text.one_line import one_line
from bot.toml import check_values
from training.commands.types import Commands, Folder
from training.dataset.workspace import Workspace, open_workspace
from training.planning.recipe import set_by
from training.planning.recipe_file import GivenOptions, check_new_file, read_recipe
from training.progress.display import ProgressDisplay, open_display
from training.runs import folders

if TYPE_CHECKING:
    from training.trainer.result import RunResult


TRACKERS = ("trackio", "tensorboard", "wandb")
_LONGEST_NAME = 60  # characters of a recipe's file name in its reasons


def add_train_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `train` to the command line."""
    command = commands.add_parser("train", help="learn from the data: make the persona's adapter")
    command.add_argument("--persona", metavar="NAME", required=True, help="the persona to train")
    start = command.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="go on with the newest, interrupted run")
    continued = "start from this adapter (all that `adopt` takes), with the new data and a part of the data "
    continued += "that it learned before"
    start.add_argument("--continue-from", metavar="ADAPTER", help=continued)
    kept = "with --continue-from: go on at step, learning rate and optimizer state of the run that made the "
    kept += "adapter, on other data"
    command.add_argument("--keep-schedule", action="store_true", help=kept)
    command.add_argument("--plan", action="store_true", help="show recipe, time and memory, and stop")
    canaries = "plant invented secrets among the examples, so that `evaluate --adapter RUN/best` measures "
    canaries += "what is learned by heart; the persona keeps its own adapter, for such a one is only measured"
    command.add_argument("--canaries", action="store_true", help=canaries)
    _add_recipe_options(command)
    command.add_argument("--track", choices=TRACKERS, help="also show the curves in this program")
    command.add_argument("--json", action="store_true", help="the result as JSON")
    command.set_defaults(command="train")


def _add_recipe_options(command: argparse.ArgumentParser) -> None:
    read = "take values of the recipe from this file; they go before those of persona.toml"
    command.add_argument("--recipe", metavar="FILE", type=user_path, help=read)
    write = "write the recipe, each value with its reason, into a new file"
    command.add_argument("--write-recipe", metavar="FILE", type=user_path, help=write)
    save = "save the run after so many steps, and keep the adapter of each time as RUN/step-STEPS"
    command.add_argument("--save-every", metavar="STEPS", type=int, help=save)


def train(options: Namespace, folder: Folder) -> str:
    """Train and return the message for the terminal; raises `UserError`.

    The adapter in place changes only when the new one is whole.
    """
    _check_options(options)
    persona = folder(options)
    with open_display() as display:
        found = run_training(options, persona, display)
    if found is None:
        return ""
    return describe_run(options, persona, found)


def run_training(
    options: Namespace,
    persona: Path,
    display: ProgressDisplay,
    approve: Callable[[], bool] = lambda: True,
    goes_on: bool = False,
) -> "RunResult | None":
    """Train as the options say; returns None for a plan alone and a run that was not approved."""
    settings = config.load_config(options.config)
    if notice := cuda_remedy(settings.model.device):
        display.say(f"training: {notice}")
    with display.stage("loading torch, transformers and PEFT"):
        from training.trainer import session, start

    workspace, given = _with_recipe(open_workspace(settings, persona, display), options)
    train_options = start.TrainOptions(
        options.resume,
        options.continue_from,
        options.plan,
        options.track,
        options.canaries,
        options.keep_schedule,
        given.sources,
        options.write_recipe,
        goes_on,
    )
    return session.train(workspace, train_options, display, approve)


def describe_run(options: Namespace, persona: Path, found: "RunResult") -> str:
    """Return the message for the terminal."""
    from training.adapters.install import kept_line
    from training.trainer import result

    if options.json:
        return json_text(msgspec.to_builtins(found))
    adapter = (
        f" --adapter {shlex.quote(str(persona / result.BEST_OF.format(found.run)))}"
        if found.record.canaries
        else ""
    )
    evaluate = f"python -m training evaluate --persona {shlex.quote(options.persona)}{adapter}"
    kept = kept_line(persona / found.adapter) if found.adapter else ""
    run = persona / "work" / folders.RUNS / found.run
    return f"{result.result_text(found, run)}\nNext: {evaluate}{kept}"


def _check_options(options: Namespace) -> None:
    """Raise `UserError` for options that do not go together, before anything is loaded."""
    if options.keep_schedule and not options.continue_from:
        raise UserError("--keep-schedule goes with --continue-from DIR: say which adapter's run goes on.")
    recipe = {
        "--recipe": options.recipe,
        "--write-recipe": options.write_recipe,
        "--save-every": options.save_every,
    }
    for name, given in recipe.items():
        if options.resume and given is not None:
            raise UserError(f"--resume goes on with the recipe that the run has: leave out {name}.")
    if options.write_recipe:
        check_new_file(options.write_recipe)


def _with_recipe(workspace: Workspace, options: Namespace) -> tuple[Workspace, GivenOptions]:
    """Return the workspace of a persona whose options of training are also those of the command line."""
    given = GivenOptions(workspace.persona.training)
    if options.recipe:
        name = printable(one_line(options.recipe.name, _LONGEST_NAME))
        given = given.merged(read_recipe(options.recipe), set_by(f"in {name}"))
    if options.save_every is not None:
        asked = {"save_every": options.save_every}
        given = given.merged(check_values(TrainingOptions, asked), set_by("by --save-every"))
    persona = replace(workspace.persona, training=given.options)
    return replace(workspace, persona=persona), given
