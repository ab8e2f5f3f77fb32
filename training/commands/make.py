"""The command `make`: from an export to a persona that talks, each step skipped where its result is there."""

import argparse
import shlex
from argparse import Namespace
from collections.abc import Callable, Sequence

from bot import config
from bot.errors import UserError
from bot.system.user_path import user_path
from training.commands.import_options import add_import_options
from training.commands.make_steps import Making
from training.commands.make_talk import talk
from training.commands.types import Commands
from training.evaluation.limits import LimitExceeded
from training.progress.display import open_display

SAMPLES = 60  # answers of each set: enough for likeness; `evaluate` alone draws more
Parse = Callable[[Sequence[str]], Namespace]


def add_make_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `make` to the command line."""
    help = "all of it: make the persona where there is none, import, build, train, evaluate, talk"
    command = commands.add_parser("make", help=help, description=f"{help}; {__doc__.partition(', ')[2]}")
    command.add_argument(
        "paths", metavar="EXPORT", type=user_path, nargs="+", help="a zip, a folder or a file"
    )
    command.add_argument("--persona", metavar="NAME", required=True, help="of its folder in personas/")
    card = command.add_mutually_exclusive_group()
    card.add_argument("--card", metavar="FILE", type=user_path, help="a new persona's card, JSON or PNG")
    sentences = "a new persona's card in three sentences: who they are, how they speak, where you meet"
    card.add_argument("--describe", metavar="TEXT", help=sentences)
    draft = "take the card that is drafted from what they wrote, without a question"
    card.add_argument("--draft", action="store_true", help=draft)
    add_import_options(command)
    window = "tokens of a prompt and its answer together (default: what holds nearly all conversations)"
    command.add_argument("--window", metavar="TOKENS", type=int, default=0, help=window)
    samples = "answers that the evaluation draws in each way (default: %(default)s)"
    command.add_argument("--samples", metavar="N", type=int, default=SAMPLES, help=samples)
    say = "at the end, say this, print the reply and leave; without a terminal, a greeting is said"
    command.add_argument("--say", metavar="TEXT", help=say)
    command.add_argument("--no-talk", action="store_true", help="end with the evaluation")
    command.add_argument("--yes", action="store_true", help="ask nothing: take the draft, and train")
    command.set_defaults(command="make")


def make(options: Namespace, parse: Parse) -> str:
    """Do all steps that are not done yet; return the next command.

    `parse` parses the command line of a single step, whose other options keep their defaults. Raises
    `UserError`, with all that was done kept, and `LimitExceeded` after the talk.
    """
    exceeded = _make(options, parse)
    if exceeded is None:
        return f"Nothing was trained; the same line goes on with it. {_single(options)}"
    settings = config.load_config(options.config)
    if not options.no_talk:
        talk(settings.file, options.persona, options.say)
    text = f"Next: python -m bot chat --persona {shlex.quote(options.persona)}"
    if exceeded:
        raise LimitExceeded(exceeded, text)
    return text


def _make(options: Namespace, parse: Parse) -> tuple[str, ...] | None:
    """Do all steps before the talk; return the limits that the adapter is over, None where it was refused."""
    for path in options.paths:  # before anything is written
        if not path.expanduser().exists():
            raise UserError(f"There is nothing at {path}: check the path of the export.")
    with open_display() as display:
        making = Making(options, parse, display)
        making.begin_persona()
        try:
            making.import_exports()
            making.finish_persona()
            making.build()
            if not making.train():
                return None
            return making.evaluate()
        except UserError as error:
            raise UserError(f"{error} What was done before is kept: the same line goes on.") from None
        except KeyboardInterrupt as stopped:
            reason = str(stopped).partition(";")[0] or "interrupted"
            raise KeyboardInterrupt(f"{reason}; the same line goes on from here.") from None


def _single(options: Namespace) -> str:
    return f"The persona talks from its card: python -m bot chat --persona {shlex.quote(options.persona)}"
