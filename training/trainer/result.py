"""The result of a run: as a value, as run.json and as text."""

from pathlib import Path

import msgspec

from training.planning import memory
from training.planning.resources import ResourcePlan, format_duration, format_gigabytes
from training.progress.estimate import TimeRange
from training.runs import folders
from training.runs.checkpoints import BEST, RunState
from training.runs.folders import RUNS
from training.runs.loss_text import draw_loss_text
from training.runs.run_config import RunConfig
from training.trainer.schedule import TrainingSchedule

BEST_OF = f"work/{RUNS}/{{}}/{BEST}"  # a run's best adapter, in the persona's folder


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """run.json.

    `best_loss` is in nats per label on the validation set. `tokens` counts the tokens and `learned` the
    labels of all steps, `halved` how often the learning rate was halved. `adapter` is the folder, in the
    persona's, in which the adapter was installed; empty where it was not.
    """

    run: str
    steps: int
    best_step: int
    best_loss: float | None
    halved: int
    seconds: float
    planned_seconds: float
    bytes: int
    planned_bytes: int
    tokens: int
    learned: int
    record: RunConfig
    adapter: str = ""
    planned_least_seconds: float | None = None

    @property
    def planned(self) -> TimeRange:
        """The time that the plan expected."""
        least = self.planned_least_seconds
        return TimeRange(self.planned_seconds if least is None else least, self.planned_seconds)


def make_result(
    schedule: TrainingSchedule, config: RunConfig, plan: ResourcePlan, state: RunState
) -> RunResult:
    """Return the result of a run that is in this state."""
    done = schedule.steps[: state.step]
    return RunResult(
        run=schedule.run_folder.name,
        steps=state.step,
        best_step=state.best_step or state.step,
        best_loss=state.best,
        halved=state.halved,
        seconds=round(state.seconds, 1),
        planned_seconds=round(plan.seconds, 1),
        planned_least_seconds=round(plan.time.low, 1),
        bytes=memory.peak_memory(config.recipe.device),
        planned_bytes=plan.bytes,
        tokens=sum(map(schedule.step_tokens, done)),
        learned=sum(map(schedule.step_labels, done)),
        record=config,
    )


def result_text(result: RunResult, run_folder: Path) -> str:
    """Return the result for a terminal, with the loss curve of the run's log."""
    curve = draw_loss_text(folders.RunLog(run_folder).lines())
    best = (
        f", {result.best_loss:.4f} nats a token on what is held out" if result.best_loss is not None else ""
    )
    read, learned = (count / max(result.seconds, 1e-9) for count in (result.tokens, result.learned))
    return "\n".join(
        [
            *([curve] if curve else []),
            f"run {result.run}: {result.steps:,} steps, the best after {result.best_step:,}{best}",
            f"time    {format_duration(result.seconds)} (planned {result.planned}); mean: "
            f"{learned:,.0f} learned tokens/s, {read:,.0f} read tokens/s",
            f"memory  {format_gigabytes(result.bytes)} (planned {format_gigabytes(result.planned_bytes)})",
            f"curve   {run_folder / folders.CURVE}",
            _adapter_place(result),
        ]
    )


def _adapter_place(result: RunResult) -> str:
    if not result.record.canaries:
        return f"The adapter is in place: {result.adapter}/."
    return (
        f"The adapter stays in {BEST_OF.format(result.run)}, since it learned invented secrets: it is there "
        "to be measured, and the persona keeps the adapter that it has."
    )
