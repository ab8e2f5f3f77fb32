"""The plan of a run: measured on this machine before the run begins, or read from the run's folder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from training.packing.layout import packed_length
from training.planning import memory
from training.planning.resources import ResourcePlan, line_through_trials
from training.progress.display import SILENT, ProgressDisplay
from training.progress.estimate import TimeRange
from training.progress.stage import Stage
from training.runs import folders
from training.runs.checkpoints import RunState
from training.trainer.kept_schedule import describe_kept_schedule
from training.trainer.lora_learner import LoraLearner
from training.trainer.memory_recovery import FAULTS, is_recoverable, need_less_memory
from training.trainer.progress import RunCosts, row_cost
from training.trainer.schedule import TrainingSchedule
from training.trainer.stages import TrainingData
from training.trainer.start import RunStart
from training.trainer.step_memory import Row, StepMemory, label_count

TRIALS = 4  # three training steps and a part of an evaluation


@dataclass(frozen=True, slots=True)
class Profile:
    """Time and peak memory of a whole run, estimated."""

    seconds: TimeRange
    bytes: int


@dataclass(frozen=True, slots=True)
class Trial:
    """The seconds of a trial: those that passed, and those of a machine that does nothing else."""

    passed: float
    alone: float


def profile_run(
    start: RunStart,
    schedule: TrainingSchedule,
    learner: LoraLearner,
    step_memory: StepMemory,
    processes: int,
    display: ProgressDisplay = SILENT,
) -> tuple[TrainingSchedule, ResourcePlan]:
    """Return schedule and plan of a new run, measured by a few steps that leave the learner as it was.

    Where the memory runs out in them, the schedule has shorter rows.
    """
    device, data = start.config.recipe.device, step_memory.data
    room = memory.available_memory(device)
    with display.stage("trying steps for the plan", TRIALS, "trials") as stage:
        schedule, profile = _measure_what_fits(schedule, learner, processes, stage)
    start.restore_to(learner)
    plan = ResourcePlan(
        answers=data.answer_count,
        held=len(data.validation),
        lessons={stage.name: len(stage.examples) for stage in schedule.stages},
        steps=len(schedule.steps),
        tokens=sum(map(schedule.step_tokens, schedule.steps)),
        learned=sum(map(schedule.step_labels, schedule.steps)),
        parameters=learner.parameters,
        seconds=profile.seconds.high,
        least_seconds=profile.seconds.low,
        bytes=profile.bytes,
        room=room,
        device=memory.device_name(device),
        parts=step_memory.of_schedule(schedule, processes),
    )
    return schedule, plan


def read_plan(start: RunStart) -> ResourcePlan:
    """Return the plan of a resumed run."""
    return folders.read_run_file(start.run_folder / folders.PLAN, ResourcePlan)


def plan_notes(data: TrainingData, start: RunStart, schedule: TrainingSchedule) -> list[str]:
    """Return sentences that somebody should read before the run begins."""
    notes = []
    if not data.validation:
        notes.append("Nothing is held out, so the last state is kept: with more chats the best one could be.")
    if start.adapter is not None and not data.replayed:
        notes.append("Nothing that the adapter learned before is in the data, so nothing of it is replayed.")
    if kept := start.config.schedule:
        stages = (schedule.stages[step.stage].name for step in schedule.steps)
        first = next(at for at, name in enumerate(stages) if name == kept.position.stage)
        notes.append(describe_kept_schedule(kept, schedule.steps[first].learning_rate))
    if start.config.canaries:
        planted = sum(canary.repeats for canary in start.config.canaries)
        notes.append(
            f"{planted} of the answers are invented secrets (--canaries): the adapter will be there to be "
            "measured, and not become the persona's."
        )
    return notes


def _measure_what_fits(
    schedule: TrainingSchedule, learner: LoraLearner, processes: int, stage: Stage
) -> tuple[TrainingSchedule, Profile]:
    while True:
        try:
            return schedule, measure_profile(schedule, learner, processes, stage)
        except FAULTS as error:
            if not is_recoverable(error, learner, processes):
                raise
        schedule = need_less_memory(schedule, learner)
        learner.reset_optimizer()


def measure_profile(
    schedule: TrainingSchedule, learner: LoraLearner, processes: int, stage: Stage
) -> Profile:
    """Extrapolate from steps at learning rate 0 with the median row and the row with most labels.

    Gradients of its labels are most of the memory. The cheapest row runs first, since a first step takes
    longer than others. The least time is that of a run which ends as soon as it may, on a machine that does
    nothing else.
    """

    def cost(row: Row) -> int:
        return row_cost(packed_length(row), label_count(row), schedule.recipe.deep)

    def tried(row: Row) -> Trial:
        trial = _timed(lambda: learner.train_step([row] * processes, 0.0, 0), schedule.recipe.device)
        stage.advance(1)
        return trial

    rows = [row for step in schedule.steps for row in schedule.step_rows(step, processes) if row]
    memory.reset_peak_memory(schedule.recipe.device)
    rows.sort(key=cost)
    tried(rows[0])  # prepares kernels
    median, most = rows[len(rows) // 2], max(rows, key=label_count)
    quick, slow = tried(median), tried(most)
    validation = [row for row in schedule.validation_rows(processes) if row]
    evaluation = _timed_evaluation(learner, validation, median, processes, schedule.recipe.device)
    stage.advance(1)
    costs = [cost(row) for row in rows]
    times = sum(step.evaluates for step in schedule.steps)

    def whole(quick: float, slow: float, evaluation: float) -> float:
        seconds_by_cost = line_through_trials((cost(median), quick), (cost(most), slow))
        return (sum(map(seconds_by_cost, costs)) + evaluation * times) / processes

    learner.reset_optimizer()
    least, all_of_it = RunCosts(schedule).rest(RunState())
    seconds = TimeRange(
        whole(quick.alone, slow.alone, evaluation.alone) * least / max(1.0, all_of_it),
        whole(quick.passed, slow.passed, evaluation.passed),
    )
    return Profile(seconds, memory.peak_memory(schedule.recipe.device))


def _timed(work: Callable[[], object], device: str) -> Trial:
    """Run work once and time it: in training, too, every shape is new.

    The time on a machine that does nothing else is that of this process's own CPU time on all its threads.
    """
    began, own = time.perf_counter(), time.process_time()
    work()
    passed, own = time.perf_counter() - began, time.process_time() - own
    return Trial(passed, min(passed, own / torch.get_num_threads()) if device == "cpu" else passed)


def _timed_evaluation(
    learner: LoraLearner, validation: Sequence[Row], fallback: Row, processes: int, device: str
) -> Trial:
    """Return the time of one evaluation on the validation rows, by its longest row."""
    longest = max(validation or [fallback], key=packed_length)
    trial = _timed(lambda: learner.eval_loss([longest] * processes), device)
    share = sum(map(packed_length, validation)) / packed_length(longest)
    return Trial(trial.passed * share, trial.alone * share)
