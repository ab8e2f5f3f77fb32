"""What came of a run, as a value, as run.json and for people."""

import msgspec

from training.planning import memory
from training.planning.resources import ResourcePlan, duration, gigabytes
from training.runs.checkpoints import BEST, State
from training.runs.folders import RUNS
from training.runs.run_config import RunConfig
from training.trainer.schedule import TrainingSchedule

BEST_OF = f"work/{RUNS}/{{}}/{BEST}"  # where the best adapter of a run is, in the persona's folder


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """run.json. Losses are in nats a label, on what is held out; `tokens` were read, `learned` learned."""

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


def make(
    course: TrainingSchedule, record: RunConfig, planned: ResourcePlan, state: State, seconds: float
) -> Result:
    """The result of a run that is in that state after so many seconds."""
    done = course.tasks[: state.step]
    return Result(
        run=course.folder.name,
        steps=state.step,
        best_step=state.best_step or state.step,
        best_loss=state.best,
        halved=state.halved,
        seconds=round(seconds, 1),
        planned_seconds=round(planned.seconds, 1),
        bytes=memory.peak_memory(record.recipe.device),
        planned_bytes=planned.bytes,
        tokens=sum(map(course.tokens, done)),
        learned=sum(map(course.learned, done)),
        record=record,
    )


def as_text(result: Result) -> str:
    """The result, for a terminal."""
    best = (
        f", {result.best_loss:.4f} nats a token on what is held out" if result.best_loss is not None else ""
    )
    speed = result.tokens / max(result.seconds, 1e-9)
    return "\n".join(
        [
            f"run {result.run}: {result.steps:,} steps, the best after {result.best_step:,}{best}",
            f"time    {duration(result.seconds)} (planned {duration(result.planned_seconds)}), "
            f"{speed:,.0f} tokens/s",
            f"memory  {gigabytes(result.bytes)} (planned {gigabytes(result.planned_bytes)})",
            _where(result),
        ]
    )


def _where(result: Result) -> str:
    if not result.record.canaries:
        return "The adapter is in place."
    return (
        f"The adapter stays in {BEST_OF.format(result.run)}, since it learned invented secrets: it is there "
        "to be measured, and the persona keeps the adapter that it has."
    )
