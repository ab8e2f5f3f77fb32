"""The command `train`: data become an adapter, and the adapter takes its place beside the persona."""

import argparse
import json
from argparse import Namespace
from pathlib import Path

import msgspec

from bot import config
from training.commands.types import Commands, Folder
from training.dataset.workspace import open_workspace

TRACKERS = ("trackio", "tensorboard", "wandb")


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("train", help="learn from the data: make the persona's adapter")
    command.add_argument("--persona", metavar="P", required=True, help="who is to be learned")
    way = command.add_mutually_exclusive_group()
    way.add_argument("--resume", action="store_true", help="go on with the newest run, which was interrupted")
    more = "start from this adapter, with what is new in the data and a part of what it learned before"
    way.add_argument("--continue-from", metavar="DIR", type=Path, help=more)
    command.add_argument("--plan", action="store_true", help="say what it would take, and stop")
    planted = "plant invented secrets among the lessons, so that `evaluate --adapter RUN/best` can tell what "
    planted += "is learned by heart; such an adapter is only measured: the persona keeps the one that it has"
    command.add_argument("--canaries", action="store_true", help=planted)
    command.add_argument("--track", choices=TRACKERS, help="also show the curves in this program")
    command.add_argument("--json", action="store_true", help="the result as JSON")
    command.set_defaults(command="train")


def train(options: Namespace, folder: Folder) -> str:
    """Train; raises `UserError`, and touches the adapter in place only when the new one is whole."""
    persona = folder(options)
    from bot.engine.runtime.environment import prepare_environment

    prepare_environment()
    from training.trainer import result, session, start  # torch and its friends take seconds

    desk = open_workspace(config.load_config(options.config), persona)
    wanted = start.TrainOptions(
        options.resume, options.continue_from, options.plan, options.track, options.canaries
    )
    made = session.train(desk, wanted)
    if made is None:
        return ""
    if options.json:
        return json.dumps(msgspec.to_builtins(made), ensure_ascii=False)
    of = f" --adapter {persona / result.BEST_OF.format(made.run)}" if made.record.canaries else ""
    return f"{result.as_text(made)}\nNext: python -m training evaluate --persona {options.persona}{of}"
