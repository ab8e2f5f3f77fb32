"""The result of a run: as a value, as run.json and as text."""

import msgspec

from training.planning import memory
from training.planning.resources import ResourcePlan, format_duration, format_gigabytes
from training.runs.checkpoints import BEST, RunState
from training.runs.folders import RUNS
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


def make_result(
    schedule: TrainingSchedule, config: RunConfig, plan: ResourcePlan, state: RunState, seconds: float
) -> RunResult:
    """Return the result of a run that is in this state after so many seconds."""
    done = schedule.steps[: state.step]
    return RunResult(
        run=schedule.run_folder.name,
        steps=state.step,
        best_step=state.best_step or state.step,
        best_loss=state.best,
        halved=state.halved,
        seconds=round(seconds, 1),
        planned_seconds=round(plan.seconds, 1),
        bytes=memory.peak_memory(config.recipe.device),
        planned_bytes=plan.bytes,
        tokens=sum(map(schedule.step_tokens, done)),
        learned=sum(map(schedule.step_labels, done)),
        record=config,
    )


def result_text(result: RunResult) -> str:
    """Return the result for a terminal."""
    best = (
        f", {result.best_loss:.4f} nats a token on what is held out" if result.best_loss is not None else ""
    )
    speed = result.tokens / max(result.seconds, 1e-9)
    return "\n".join(
        [
            f"run {result.run}: {result.steps:,} steps, the best after {result.best_step:,}{best}",
            f"time    {format_duration(result.seconds)} (planned {format_duration(result.planned_seconds)}), "
            f"{speed:,.0f} tokens/s",
            f"memory  {format_gigabytes(result.bytes)} (planned {format_gigabytes(result.planned_bytes)})",
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
