"""The command `evaluate`: how like the person an adapter is, and what it gives away."""

import argparse
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot import config
from bot.adapter.files import CONFIG
from bot.engine.runtime.environment import prepare_environment
from bot.errors import UserError
from bot.persona.persona import load_persona
from training.commands.types import Commands, Folder
from training.dataset.workspace import open_workspace
from training.evaluation.limits import COPIED, Exceeded

FEWEST = 10  # answers of each


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add this command to the command line."""
    command = commands.add_parser("evaluate", help="measure how like the person an adapter is")
    command.add_argument("--persona", metavar="P", required=True, help="whose adapter")
    command.add_argument("--adapter", metavar="DIR", type=Path, help="another one than the persona's own")
    command.add_argument("--other", metavar="P", help="the persona that stands for another person")
    samples = "answers that are drawn in each way (default: %(default)s)"
    command.add_argument("--samples", metavar="N", type=int, default=200, help=samples)
    command.add_argument(
        "--seed", metavar="N", type=int, default=0, help="of all dice (default: %(default)s)"
    )
    copied = "the share of runs of eight words that may be copied in any case (default: %(default)s)"
    command.add_argument("--copied", metavar="SHARE", type=float, default=COPIED, help=copied)
    command.add_argument("--json", action="store_true", help="the result as JSON")
    command.set_defaults(command="evaluate")


def evaluate(options: Namespace, folder: Folder) -> str:
    """Write report.html and report.json; raise `Exceeded`, after that, where the adapter is over a limit."""
    _check(options)
    here = folder(options)
    adapter = options.adapter or load_persona(here).adapter or here / "adapter"
    if not (adapter / CONFIG).is_file():
        raise UserError(
            f"There is no adapter in {adapter}: `python -m training train --persona {options.persona}` makes "
            "one, or name one with --adapter DIR."
        )
    other = (
        folder(Namespace(**vars(options) | {"persona": options.other})) / "work" if options.other else None
    )
    desk = open_workspace(config.load_config(options.config), here)
    prepare_environment()
    with _bar(hidden=options.json) as bar:
        from training.evaluation import evaluate  # only now: the model's libraries, and statistics
        from training.evaluation.report import as_json, as_text, write_report
        from training.evaluation.run import EvaluationOptions, EvaluationRun

        wishes = EvaluationOptions(adapter, other, options.samples, options.seed, options.copied)
        report = evaluate.evaluate(EvaluationRun(desk, wishes, bar))
        page = write_report(desk.work, report)
    text = as_json(report) if options.json else f"{as_text(report)}\nThe whole report: {page}"
    if report.exceeded:
        raise Exceeded(report.exceeded, text)
    return text if options.json else f"{text}\nNext: python -m bot chat --persona {options.persona}"


def _check(options: Namespace) -> None:
    if options.samples < FEWEST:
        raise UserError(f"{options.samples} answers say nothing: draw at least {FEWEST} with --samples.")
    if not 0 <= options.copied <= 1:
        raise UserError(f"A share of {options.copied} is not possible: --copied is from 0 to 1.")


class _Bar:
    """A bar on a terminal; elsewhere nothing is shown."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def begin(self, steps: int) -> None:
        self._progress.update(self._task, total=steps)

    def advance(self, steps: int) -> None:
        self._progress.advance(self._task, steps)


@contextmanager
def _bar(hidden: bool) -> Iterator[_Bar]:
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("Evaluating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=hidden or not console.is_terminal,
    )
    with progress:
        yield _Bar(progress)
