"""The plan of a run: measured on this machine before the run begins, or read from the run's folder."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from training.packing.layout import packed_length
from training.planning import memory
from training.planning.resources import ResourcePlan, line_through_trials
from training.runs import folders
from training.trainer.kept_schedule import describe_kept_schedule
from training.trainer.lora_learner import LoraLearner
from training.trainer.memory_recovery import FAULTS, is_recoverable, need_less_memory
from training.trainer.schedule import TrainingSchedule
from training.trainer.stages import TrainingData
from training.trainer.start import RunStart
from training.trainer.step_memory import Row, StepMemory, label_count


@dataclass(frozen=True, slots=True)
class Profile:
    """Time and peak memory of a whole run, estimated."""

    seconds: float
    bytes: int


def profile_run(
    start: RunStart,
    schedule: TrainingSchedule,
    learner: LoraLearner,
    step_memory: StepMemory,
    processes: int,
) -> tuple[TrainingSchedule, ResourcePlan]:
    """Return schedule and plan of a new run, measured by a few steps that leave the learner as it was.

    Where the memory runs out in them, the schedule has shorter rows.
    """
    device, data = start.config.recipe.device, step_memory.data
    room = memory.available_memory(device)
    schedule, profile = _measure_what_fits(schedule, learner, processes)
    start.restore_to(learner)
    plan = ResourcePlan(
        answers=data.answer_count,
        held=len(data.validation),
        lessons={stage.name: len(stage.examples) for stage in schedule.stages},
        steps=len(schedule.steps),
        tokens=sum(map(schedule.step_tokens, schedule.steps)),
        learned=sum(map(schedule.step_labels, schedule.steps)),
        parameters=learner.parameters,
        seconds=profile.seconds,
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
    schedule: TrainingSchedule, learner: LoraLearner, processes: int
) -> tuple[TrainingSchedule, Profile]:
    while True:
        try:
            return schedule, measure_profile(schedule, learner, processes)
        except FAULTS as error:
            if not is_recoverable(error, learner, processes):
                raise
        schedule = need_less_memory(schedule, learner)
        learner.reset_optimizer()


def measure_profile(schedule: TrainingSchedule, learner: LoraLearner, processes: int) -> Profile:
    """Extrapolate from steps at learning rate 0 with the most expensive row and the median row.

    The row with most labels runs too: gradients of its labels are most of the memory.
    """

    def cost(row: Row) -> int:
        return row_cost(packed_length(row), label_count(row), schedule.recipe.deep)

    rows = [row for step in schedule.steps for row in schedule.step_rows(step, processes) if row]
    memory.reset_peak_memory(schedule.recipe.device)
    _timed_step(learner, [max(rows, key=label_count)] * processes)  # prepares kernels, too
    rows.sort(key=cost)
    median, most = rows[len(rows) // 2], rows[-1]
    quick = (cost(median), _timed_step(learner, [median] * processes))
    slow = (cost(most), _timed_step(learner, [most] * processes))
    seconds_by_cost = line_through_trials(quick, slow)
    training = sum(seconds_by_cost(cost(row)) for row in rows)
    validation = [row for row in schedule.validation_rows(processes) if row]
    evaluating = _evaluation_seconds(learner, validation, median, processes)
    times = sum(step.evaluates for step in schedule.steps)
    learner.reset_optimizer()
    peak = memory.peak_memory(schedule.recipe.device)
    return Profile((training + evaluating * times) / processes, peak)


def row_cost(tokens: int, labels: int, full_backprop: bool) -> int:
    """Return the work of a row, in tokens of a forward pass.

    Measured on twelve rows of a demo persona's chat with SmolLM2-135M: tokens alone predict a row's time to
    within 58 %, tokens and four for every label to within 17 %. With gradients through all tokens, a label
    adds its logits alone.
    """
    return tokens + (labels // 2 if full_backprop else 4 * labels)


def _timed_step(learner: LoraLearner, rows: Sequence[Row]) -> float:
    """Return the seconds of one step at learning rate 0, run once: in training, too, every shape is new."""
    began = time.perf_counter()
    learner.train_step(rows, 0.0, 0)
    return time.perf_counter() - began


def _evaluation_seconds(
    learner: LoraLearner, validation: Sequence[Row], fallback: Row, processes: int
) -> float:
    """Return the seconds of one evaluation on the validation rows, by its longest row."""
    began = time.perf_counter()
    longest = max(validation or [fallback], key=packed_length)
    learner.eval_loss([longest] * processes)
    return (time.perf_counter() - began) / packed_length(longest) * sum(map(packed_length, validation))
