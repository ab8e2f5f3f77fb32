"""The command `evaluate`: likeness of an adapter to the person, copies and private details."""

import argparse
import shlex
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bot import config
from bot.adapter.files import CONFIG
from bot.errors import UserError
from bot.system.user_path import user_path
from training.adapters.persona_adapter import persona_adapter
from training.commands.types import Commands, Folder
from training.dataset.staleness import read_current_build
from training.dataset.workspace import Workspace, open_workspace
from training.evaluation.limits import COPIED, LimitExceeded
from training.progress.display import ProgressDisplay, open_display
from training.store.message_store import work_lock

if TYPE_CHECKING:
    from training.evaluation.report import Report

MIN_SAMPLES = 10  # answers of each set


def add_evaluate_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `evaluate` to the command line."""
    command = commands.add_parser("evaluate", help="measure how like the person an adapter is")
    command.add_argument("--persona", metavar="NAME", required=True, help="the persona with the adapter")
    command.add_argument(
        "--adapter", metavar="DIR", type=user_path, help="an adapter other than the persona's own"
    )
    command.add_argument("--other", metavar="NAME", help="the persona that stands for another person")
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
    check_options(options)
    persona = folder(options)
    other = _other_work(options, folder)
    with open_display() as display:
        workspace = open_workspace(config.load_config(options.config), persona, display)
        report, page = run_evaluation(options, workspace, other, display)
    return _describe(options, report, page)


def run_evaluation(
    options: Namespace, workspace: Workspace, other: Path | None, display: ProgressDisplay
) -> "tuple[Report, Path]":
    """Evaluate the adapter that the options name and write the report; return it, and its page."""
    with display.stage("loading torch, transformers, PEFT and scikit-learn"):
        from training.evaluation import evaluate
        from training.evaluation.report import write_report
        from training.evaluation.run import EvaluationOptions, EvaluationRun
    adapter = find_adapter(options, workspace, display)
    with display.stage("reading the data"):
        chosen = EvaluationOptions(adapter, other, options.samples, options.seed, options.copied)
        run = EvaluationRun(workspace, chosen, display)
    report = evaluate.evaluate(run)
    with display.stage("writing the report"), work_lock(workspace.work):
        if read_current_build(workspace.work) != run.build:
            raise UserError("The data were built anew during the evaluation: evaluate again.")
        return report, write_report(workspace.work, report)


def report_summary(report: "Report", page: Path) -> str:
    """Return the main figures, and the path of the page."""
    from training.evaluation.report import report_text

    return f"{report_text(report)}\nThe whole report: {page}"


def _describe(options: Namespace, report: "Report", page: Path) -> str:
    """Return the message for the terminal; raises `LimitExceeded`."""
    from training.evaluation.report import report_json

    text = report_json(report) if options.json else report_summary(report, page)
    if report.exceeded:
        raise LimitExceeded(report.exceeded, text)
    return (
        text if options.json else f"{text}\nNext: python -m bot chat --persona {shlex.quote(options.persona)}"
    )


def find_adapter(options: Namespace, workspace: Workspace, display: ProgressDisplay) -> Path:
    """Return the adapter that the command names, else the persona's own for the base model."""
    adapter: Path | None = options.adapter
    if adapter is None:
        from bot.engine.model_loader.adapter_check import open_adapter_check  # loads torch

        with display.stage("looking for the base model") as stage:
            check = open_adapter_check(workspace.settings.model, workspace.settings.data, stage.describe)
        adapter = persona_adapter(workspace.persona, check.base)
    if not (adapter / CONFIG).is_file():
        raise UserError(
            f"There is no adapter in {adapter}: "
            f"`python -m training train --persona {shlex.quote(options.persona)}` "
            "makes one, or name one with --adapter DIR."
        )
    return adapter


def _other_work(options: Namespace, folder: Folder) -> Path | None:
    """Return the work folder of the persona that `--other` names."""
    if not options.other:
        return None
    return folder(Namespace(**vars(options) | {"persona": options.other})) / "work"


def check_options(options: Namespace) -> None:
    """Raise `UserError` for options with which nothing could be measured."""
    if options.samples < MIN_SAMPLES:
        raise UserError(f"{options.samples} answers say nothing: draw at least {MIN_SAMPLES} with --samples.")
    if not 0 <= options.copied <= 1:
        raise UserError(f"A share of {options.copied} is not possible: --copied is from 0 to 1.")
