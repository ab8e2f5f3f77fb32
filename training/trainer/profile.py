"""The plan of a run: measured on this machine before it begins, or read from its folder."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from training.packing.layout import tokens_of
from training.planning import memory
from training.planning.resources import ResourcePlan, line_through
from training.runs import folders
from training.tokenization.examples import TokenizedExample
from training.trainer.lora_learner import LoraLearner
from training.trainer.schedule import TrainingSchedule
from training.trainer.stages import TrainingData
from training.trainer.start import Start


@dataclass(frozen=True, slots=True)
class Profile:
    """Seconds and bytes, of a whole run."""

    seconds: float
    bytes: int


def make(
    start: Start, course: TrainingSchedule, learner: LoraLearner, lessons: TrainingData, processes: int
) -> ResourcePlan:
    """The plan of a new run, by a short trial that teaches the learner nothing."""
    device = start.record.recipe.device
    room = memory.available_memory(device)
    trial = measure(course, learner, processes)
    if start.adapter is not None:
        learner.restore(start.adapter, {}, 0)
    return ResourcePlan(
        answers=lessons.answers,
        held=len(lessons.held),
        lessons={stage.name: len(stage.rows) for stage in course.stages},
        steps=len(course.tasks),
        tokens=sum(map(course.tokens, course.tasks)),
        learned=sum(map(course.learned, course.tasks)),
        parameters=learner.parameters,
        seconds=trial.seconds,
        bytes=trial.bytes,
        room=room,
    )


def read(start: Start) -> ResourcePlan:
    """The plan of a run that goes on."""
    return folders.read_json(start.folder / folders.PLAN, ResourcePlan)


def notes(lessons: TrainingData, start: Start) -> list[str]:
    """What somebody should know before it begins."""
    told = []
    if not lessons.held:
        told.append("Nothing is held out, so the last state is kept: with more chats the best one could be.")
    if start.adapter is not None and not lessons.replayed:
        told.append("Nothing that the adapter learned before is in the data, so nothing of it is replayed.")
    if start.record.canaries:
        planted = sum(canary.repeats for canary in start.record.canaries)
        told.append(
            f"{planted} of the answers are invented secrets (--canaries): the adapter will be there to be "
            "measured, and not become the persona's."
        )
    return told


def measure(course: TrainingSchedule, learner: LoraLearner, processes: int) -> Profile:
    """Learn nothing from the row that is most work and from a middling one, and count up from there.

    The one with most labels is tried too: what they leave for the gradients is most of the memory.
    """

    def work(row: Sequence[TokenizedExample]) -> int:
        return work_of(tokens_of(row), labels_of(row), course.recipe.deep)

    rows = [row for task in course.tasks for row in course.rows(task, processes) if row]
    held = [row for row in course.judged(processes) if row]
    memory.forget_peak(course.recipe.device)
    learner.train_step([max(rows, key=labels_of)] * processes, 0.0, 0)  # the first one prepares kernels, too
    rows.sort(key=work)
    middle, most = rows[len(rows) // 2], rows[-1]
    quick = (work(middle), _seconds(learner, [middle] * processes))
    slow = (work(most), _seconds(learner, [most] * processes))
    took = line_through(quick, slow)
    learning = sum(took(work(row)) for row in rows)
    began = time.perf_counter()
    judged = max(held or [middle], key=tokens_of)
    learner.eval_loss([judged] * processes)
    judging = (time.perf_counter() - began) / tokens_of(judged) * sum(map(tokens_of, held))
    times = sum(task.judged for task in course.tasks)
    learner.forget()
    return Profile((learning + judging * times) / processes, memory.peak_memory(course.recipe.device))


def labels_of(row: Sequence[TokenizedExample]) -> int:
    """How many tokens of a row are learned."""
    return sum(lesson.learned for lesson in row)


def work_of(tokens: int, labels: int, deep: bool) -> int:
    """How much work a row is, in tokens that are only read.

    Measured on twelve rows of a demo persona's chat with SmolLM2-135M: tokens alone foretell a row's time to
    within 58 %, tokens and four for every label to within 17 %. Where gradients go through all tokens, a
    label has only its logits more than they.
    """
    return tokens + (labels // 2 if deep else 4 * labels)


def _seconds(learner: LoraLearner, rows: Sequence[Sequence[TokenizedExample]]) -> float:
    """How long a step with these rows takes, which teaches nothing. Only once: each step's shapes are new."""
    began = time.perf_counter()
    learner.train_step(rows, 0.0, 0)
    return time.perf_counter() - began
