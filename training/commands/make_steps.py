"""The steps of `make` before the talk: each tells what it does, or that it was done before."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.errors import UserError
from training.commands import data, evaluate, import_exports, import_summary, make_state, train
from training.commands.build import describe_build
from training.commands.import_options import option_words
from training.commands.make_persona import (
    begin_persona,
    finish_persona,
    likely_names,
    open_settings,
    remove_empty,
    tell,
)
from training.commands.questions import ask_yes
from training.dataset.workspace import Workspace, open_workspace, read_build_record
from training.progress.display import ProgressDisplay

SHOWN = 5  # examples before the question


class Making:
    """One call of `make`: its options, and the persona's folder.

    `parse` parses the command line of a single step, whose other options keep their defaults.
    """

    def __init__(
        self, options: Namespace, parse: Callable[[Sequence[str]], Namespace], display: ProgressDisplay
    ) -> None:
        self._options, self._parse, self._display = options, parse, display
        self._settings = open_settings(options.config)
        self._folder = self._settings.personas / options.persona

    def begin_persona(self) -> None:
        """Check options, name and card; raises `UserError` where they cannot be had."""
        evaluate.check_options(self._step("evaluate", "--samples", str(self._options.samples)))
        begin_persona(self._options, self._settings.personas)

    def import_exports(self) -> None:
        """Import the exports; ask who the persona is where nothing tells."""
        options, work = self._options, self._folder / "work"
        if make_state.is_imported(work, options):
            return tell("import     done before")
        paths = [str(path.expanduser()) for path in options.paths]
        parsed = self._step("import", *option_words(options), "--", *paths)
        likely = likely_names(self._folder)
        try:
            imported = import_exports.import_exports(
                parsed, self._folder, self._display, asks=not options.yes, likely=likely
            )
        except UserError:
            remove_empty(self._folder)
            raise
        make_state.record_import(work, options)
        return tell(import_summary.describe_import(imported))

    def finish_persona(self) -> None:
        """Write the card where there is none."""
        finish_persona(self._options, self._settings.personas, self._display)

    def build(self) -> None:
        """Build the data."""
        parsed, workspace = self._step("build", "--window", str(self._options.window)), self._workspace()
        if make_state.current_build(workspace, parsed.window, data.build_limits(parsed)) is not None:
            return tell("build      done before")
        record = data.run_build(parsed, workspace, self._display)
        return tell(_without_next(describe_build(record, self._options.persona)))

    def train(self) -> bool:
        """Train, or go on with a run that was interrupted; return False where nobody approved."""
        if self._trained_adapter() is not None:
            tell("train      done before")
            return True
        parsed = self._step("train")
        found = train.run_training(parsed, self._folder, self._display, self._approve, goes_on=True)
        if found is not None:
            tell(_without_next(train.describe_run(parsed, self._folder, found)))
        return found is not None

    def evaluate(self) -> tuple[str, ...]:
        """Evaluate the adapter; return a sentence for each limit that it is over."""
        samples, workspace, adapter = self._options.samples, self._workspace(), self._trained_adapter()
        if not sum(read_build_record(workspace.work).held.values()):
            tell("evaluate   not done: nothing is held out, since there are too few answers")
            return ()
        exceeded = make_state.evaluated_limits(workspace, adapter, samples) if adapter else None
        if exceeded is not None:
            tell(f"evaluate   done before: {workspace.work / 'report.html'}")
        else:
            parsed = self._step("evaluate", "--samples", str(samples))
            report, page = evaluate.run_evaluation(parsed, workspace, None, self._display)
            tell(evaluate.report_summary(report, page))
            exceeded = report.exceeded
        for sentence in exceeded:
            tell(f"Over a limit: {sentence}")
        return exceeded

    def _step(self, command: str, *words: str) -> Namespace:
        return self._parse([command, "--persona", self._options.persona, *words])

    def _workspace(self) -> Workspace:
        return open_workspace(self._settings, self._folder, self._display)

    def _trained_adapter(self) -> Path | None:
        """Return the adapter that learned the data as they are."""
        workspace = self._workspace()
        if not workspace.persona.adapters:
            return None
        with self._display.stage("loading torch and transformers"):
            from bot.engine.model_loader.adapter_check import open_adapter_check
        with self._display.stage("looking for the base model") as stage:
            model, folder = self._settings.model, self._settings.data
            base = open_adapter_check(model, folder, stage.describe).base
        with self._display.stage("encoding the examples"):
            return make_state.trained_adapter(workspace, workspace.persona, base)

    def _approve(self) -> bool:
        """Show examples, and ask once."""
        tell(data.preview_text(self._workspace(), SHOWN, self._display))
        return bool(self._options.yes) or ask_yes("Train now?", "--yes")


def _without_next(text: str) -> str:
    """Return a command's message without the line about the next command, which `make` runs itself."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("Next: "))
