"""The command `train`: train a LoRA adapter on the persona's data and install it."""

import argparse
import sys
from argparse import Namespace

import msgspec

from bot import config
from bot.engine.runtime.environment import prepare_environment
from bot.engine.runtime.nvidia import cuda_remedy
from bot.system.console import json_text, write_line
from training.commands.types import Commands, Folder
from training.dataset.workspace import open_workspace

TRACKERS = ("trackio", "tensorboard", "wandb")


def add_train_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `train` to the command line."""
    command = commands.add_parser("train", help="learn from the data: make the persona's adapter")
    command.add_argument("--persona", metavar="P", required=True, help="the persona to train")
    start = command.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="go on with the newest, interrupted run")
    continued = "start from this adapter (all that `adopt` takes), with the new data and a part of the data "
    continued += "that it learned before"
    start.add_argument("--continue-from", metavar="ADAPTER", help=continued)
    command.add_argument("--plan", action="store_true", help="show recipe, time and memory, and stop")
    canaries = "plant invented secrets among the examples, so that `evaluate --adapter RUN/best` measures "
    canaries += "what is learned by heart; the persona keeps its own adapter, for such a one is only measured"
    command.add_argument("--canaries", action="store_true", help=canaries)
    command.add_argument("--track", choices=TRACKERS, help="also show the curves in this program")
    command.add_argument("--json", action="store_true", help="the result as JSON")
    command.set_defaults(command="train")


def train(options: Namespace, folder: Folder) -> str:
    """Train and return the message for the terminal; raises `UserError`.

    The adapter in place changes only when the new one is whole.
    """
    persona, settings = folder(options), config.load_config(options.config)
    if notice := cuda_remedy(settings.model.device):
        write_line(f"training: {notice}", sys.stderr)

    prepare_environment()
    from training.adapters.install import kept_line  # loads torch
    from training.trainer import result, session, start  # loads torch, transformers and peft, in seconds

    workspace = open_workspace(settings, persona)
    train_options = start.TrainOptions(
        options.resume, options.continue_from, options.plan, options.track, options.canaries
    )
    found = session.train(workspace, train_options)
    if found is None:
        return ""
    if options.json:
        return json_text(msgspec.to_builtins(found))
    adapter = f" --adapter {persona / result.BEST_OF.format(found.run)}" if found.record.canaries else ""
    evaluate = f"python -m training evaluate --persona {options.persona}{adapter}"
    kept = kept_line(persona / found.adapter) if found.adapter else ""
    return f"{result.result_text(found)}\nNext: {evaluate}{kept}"
