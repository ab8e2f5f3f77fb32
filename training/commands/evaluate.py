"""The command `evaluate`: likeness of an adapter to the person, copies and private details."""

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
from bot.system.user_path import user_path
from training.adapters.persona_adapter import persona_adapter
from training.commands.types import Commands, Folder
from training.dataset.staleness import read_current_build
from training.dataset.workspace import Workspace, open_workspace
from training.evaluation.limits import COPIED, LimitExceeded
from training.store.message_store import work_lock

MIN_SAMPLES = 10  # answers of each set


def add_evaluate_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `evaluate` to the command line."""
    command = commands.add_parser("evaluate", help="measure how like the person an adapter is")
    command.add_argument("--persona", metavar="P", required=True, help="the persona with the adapter")
    command.add_argument(
        "--adapter", metavar="DIR", type=user_path, help="an adapter other than the persona's own"
    )
    command.add_argument("--other", metavar="P", help="the persona that stands for another person")
    samples = "answers drawn in each way (default: %(default)s)"
    command.add_argument("--samples", metavar="N", type=int, default=200, help=samples)
    command.add_argument(
        "--seed", metavar="N", type=int, default=0, help="the seed of all draws (default: %(default)s)"
    )
    copied = "the share of runs of eight words that may be copied in any case (default: %(default)s)"
    command.add_argument("--copied", metavar="SHARE", type=float, default=COPIED, help=copied)
    command.add_argument("--json", action="store_true", help="the result as JSON")
    command.set_defaults(command="evaluate")


def evaluate(options: Namespace, folder: Folder) -> str:
    """Write report.html and report.json and return the message for the terminal.

    Raises `UserError`, and `LimitExceeded` with the report written where the adapter is over a limit.
    """
    _check_options(options)
    persona = folder(options)
    other = _other_work(options, folder)
    workspace = open_workspace(config.load_config(options.config), persona)
    prepare_environment()
    adapter = _adapter(options, workspace)
    with _progress(hidden=options.json) as progress:
        from training.evaluation import evaluate  # loads torch, transformers, peft, scipy and sklearn
        from training.evaluation.report import report_json, report_text, write_report
        from training.evaluation.run import EvaluationOptions, EvaluationRun

        chosen = EvaluationOptions(adapter, other, options.samples, options.seed, options.copied)
        run = EvaluationRun(workspace, chosen, progress)
        report = evaluate.evaluate(run)
        with work_lock(workspace.work):
            if read_current_build(workspace.work) != run.build:
                raise UserError("The data were built anew during the evaluation: evaluate again.")
            page = write_report(workspace.work, report)
    text = report_json(report) if options.json else f"{report_text(report)}\nThe whole report: {page}"
    if report.exceeded:
        raise LimitExceeded(report.exceeded, text)
    return text if options.json else f"{text}\nNext: python -m bot chat --persona {options.persona}"


def _adapter(options: Namespace, workspace: Workspace) -> Path:
    """Return the adapter that the command names, else the persona's own for the base model."""
    adapter: Path | None = options.adapter
    if adapter is None:
        from bot.engine.model_loader.adapter_check import open_adapter_check  # loads torch

        check = open_adapter_check(workspace.settings.model, workspace.settings.data)
        adapter = persona_adapter(workspace.persona, check.base)
    if not (adapter / CONFIG).is_file():
        raise UserError(
            f"There is no adapter in {adapter}: `python -m training train --persona {options.persona}` makes "
            "one, or name one with --adapter DIR."
        )
    return adapter


def _other_work(options: Namespace, folder: Folder) -> Path | None:
    """Return the work folder of the persona that `--other` names."""
    if not options.other:
        return None
    return folder(Namespace(**vars(options) | {"persona": options.other})) / "work"


def _check_options(options: Namespace) -> None:
    if options.samples < MIN_SAMPLES:
        raise UserError(f"{options.samples} answers say nothing: draw at least {MIN_SAMPLES} with --samples.")
    if not 0 <= options.copied <= 1:
        raise UserError(f"A share of {options.copied} is not possible: --copied is from 0 to 1.")


class _EvaluationBar:
    """A bar on a terminal, hidden elsewhere."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def begin(self, steps: int) -> None:
        self._progress.update(self._task, total=steps)

    def advance(self, steps: int) -> None:
        self._progress.advance(self._task, steps)


@contextmanager
def _progress(hidden: bool) -> Iterator[_EvaluationBar]:
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
        yield _EvaluationBar(progress)
