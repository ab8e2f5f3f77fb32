"""What a run will take: tried on this machine before it begins, or as it was said when it began."""

from training.planning import memory
from training.planning.resources import ResourcePlan
from training.runs import folders
from training.trainer import calibration
from training.trainer.course import TrainingSchedule
from training.trainer.lora_learner import LoraLearner
from training.trainer.stages import TrainingData
from training.trainer.start import Start


def make(
    start: Start, course: TrainingSchedule, learner: LoraLearner, lessons: TrainingData, processes: int
) -> ResourcePlan:
    """The plan of a new run, by a short trial that teaches the learner nothing."""
    device = start.record.recipe.device
    room = memory.available_memory(device)
    trial = calibration.measure(course, learner, processes)
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
    return folders.read_run_file(start.folder / folders.PLAN, ResourcePlan)


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
