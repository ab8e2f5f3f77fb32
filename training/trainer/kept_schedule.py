"""The state of an earlier run with whose schedule a new one goes on, on other data (--keep-schedule)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from bot.errors import UserError
from training.planning.recipe import Recipe
from training.planning.resources import ResourcePlan
from training.runs import checkpoints, folders, replay, run_config
from training.runs.checkpoints import LAST, RunState
from training.runs.curve_position import CurvePosition
from training.runs.run_config import KeptSchedule
from training.trainer.stages import DIALOGUE

# values of the earlier recipe that make the curve of the learning rate, and what AdamW's moments are means of
_OF_SCHEDULE = ("warmup", "batch", "decay", "clip")


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """The last state of an earlier run: schedule, recipe, adapter and the moments of AdamW."""

    schedule: KeptSchedule
    recipe: Recipe
    halved: int
    adapter: Mapping[str, Tensor]
    moments: Mapping[str, Tensor]

    @property
    def options(self) -> dict[str, object]:
        """The options that keep the schedule; the rate is as often halved as the run halved it."""
        kept: dict[str, object] = {key: getattr(self.recipe, key) for key in _OF_SCHEDULE}
        return {**kept, "rate": self.recipe.rate / 2**self.halved}


def read_earlier_run(adapter: Path, work: Path) -> EarlierRun:
    """Return the state of the run that made an adapter. Raises `UserError` where no schedule can be kept."""
    folder = replay.find_run(adapter, work)
    if folder is None:
        raise UserError(
            f"No run in {work / folders.RUNS} made the adapter in {adapter}, so no schedule is known that "
            "could go on: train without --keep-schedule."
        )
    config, saved = run_config.read_run_config(folder), checkpoints.read_checkpoint(folder / LAST)
    position = saved.state.position or _position_of_earlier_version(folder, saved.state)
    if position.stage != DIALOGUE:
        raise UserError(
            f"The run in {folder} ended before it learned answers, so no schedule of answers is known that "
            "could go on: train without --keep-schedule."
        )
    before = config.schedule.updates if config.schedule else 0
    schedule = KeptSchedule(run=folder.name, position=position, updates=before + saved.state.step)
    return EarlierRun(schedule, config.recipe, saved.state.halved, saved.adapter, saved.moments)


def describe_kept_schedule(schedule: KeptSchedule, rate: float) -> str:
    """Return a sentence about the schedule that a run goes on with, from the rate of its first step."""
    at = schedule.position
    return (
        f"The schedule of run {schedule.run} goes on behind its step {at.step:,} of {at.steps:,}, with the "
        f"state of AdamW and a rate of {rate:.1e}."
    )


def _position_of_earlier_version(folder: Path, state: RunState) -> CurvePosition:
    """Return the position in a run whose state does not tell it: all its steps counted as answers'."""
    plan = folders.read_run_file(folder / folders.PLAN, ResourcePlan)
    return CurvePosition(DIALOGUE, state.step, max(plan.steps, state.step))
