"""From a persona's data to its adapter: everything that one call of the command `train` does, in order."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from bot.errors import UserError
from training.adapters import install
from training.dataset.workspace import Workspace, read_build_record
from training.distributed.processes import ProcessGroup
from training.metrics import canaries
from training.planning import resources
from training.planning.recipe import ChosenRecipe
from training.planning.resources import ResourcePlan
from training.runs import folders
from training.runs.checkpoints import BEST, State
from training.trainer import base_model, profile, result, tracking
from training.trainer import stages as staging
from training.trainer import start as starting
from training.trainer.base_model import BaseModel
from training.trainer.canaries import plant
from training.trainer.interrupts import StopRequest
from training.trainer.loop import TrainingLoop
from training.trainer.lora_learner import LoraLearner
from training.trainer.progress import TrainingBar
from training.trainer.result import Result
from training.trainer.schedule import TrainingSchedule, step_plans
from training.trainer.stages import TrainingData
from training.trainer.start import Start, TrainOptions
from training.trainer.tracking import Tracker


def train(desk: Workspace, wanted: TrainOptions) -> Result | None:
    """Learn; None where only the plan was wanted, or in a process that does not lead. Raises `UserError`."""
    read_build_record(desk.work)
    tracking.check(wanted.track)
    team = ProcessGroup(base_model.device_of(desk.settings.model, desk.persona.training))
    with ExitStack() as stack:
        if team.leads:
            stack.enter_context(_alone(desk.work))
            install.settle(desk.folder)
        stack.callback(team.end)
        install.place(desk)
        return Session(desk, wanted, team).run()


class Session:
    """One call of the command."""

    def __init__(self, desk: Workspace, wanted: TrainOptions, team: ProcessGroup) -> None:
        self._desk, self._wanted, self._team = desk, wanted, team

    def run(self) -> Result | None:
        """Plan, learn, install."""
        found = self._find()
        start, lessons = self._start(found)
        stages = staging.stages(lessons, start.record.recipe)
        planned_tasks = step_plans(stages, start.record.recipe)
        course = TrainingSchedule(start.folder, stages, lessons.held, planned_tasks, start.record.recipe)
        learner = LoraLearner(found.load(), start.record.recipe, self._team, found.name)
        if start.adapter is not None:
            learner.restore(start.adapter, {}, 0)
        planned = self._plan(start, course, learner, lessons)
        if self._wanted.plan_only:
            return None
        self._write(start, planned, lessons)
        began = time.perf_counter()
        state = self._learn(start, course, learner)
        made = result.make(course, start.record, planned, state, time.perf_counter() - began)
        return self._finish(start, made) if self._team.leads else None

    def _find(self) -> BaseModel:
        desk, team = self._desk, self._team
        with team.leader_first():
            return base_model.find_base_model(
                desk.settings.model, desk.persona.training, team.device, desk.settings.data, self._say
            )

    def _start(self, found: BaseModel) -> tuple[Start, TrainingData]:
        """Where the run begins, and what there is to learn from there on."""
        with self._team.leader_first():
            lessons, data = staging.read(self._desk, read_build_record(self._desk.work))
        if not lessons.dialogue:
            raise UserError("There are no answers to learn, only documents: import chats, then build again.")
        if self._wanted.resume:
            start = starting.resume(self._desk, found, data, self._wanted)
        else:
            start = starting.begin(self._desk, found, lessons, data, self._wanted)
        lessons = starting.parted(lessons, start.before)
        return start, plant(self._desk, lessons, start.record)

    def _plan(
        self, start: Start, course: TrainingSchedule, learner: LoraLearner, lessons: TrainingData
    ) -> ResourcePlan:
        if start.resumed:
            return profile.read(start)
        planned = profile.make(start, course, learner, lessons, self._team.size)
        chosen = ChosenRecipe(start.record.recipe, start.record.reasons)
        self._say(resources.as_text(planned, chosen, profile.notes(lessons, start)))
        return planned

    def _write(self, start: Start, planned: ResourcePlan, lessons: TrainingData) -> None:
        """Have on disk how the run begins."""
        if self._team.leads and not start.resumed:
            starting.write(start, lessons)
            folders.write_json(start.folder / folders.PLAN, planned)
        if self._team.leads:
            canaries.record(self._desk.work, start.record.canaries)
        self._team.wait()

    def _learn(self, start: Start, course: TrainingSchedule, learner: LoraLearner) -> State:
        total = sum(map(course.tokens, course.tasks))
        with StopRequest() as stop, TrainingBar(total, self._team.leads) as bar:
            tracker = Tracker(self._wanted.track if self._team.leads else None, start.folder)
            run = TrainingLoop(course, learner, self._team, bar, stop, tracker)
            if start.resumed:
                run.resume()
            try:
                return run.go()
            except KeyboardInterrupt:
                way = f"python -m training train --persona {self._desk.folder.name} --resume"
                raise KeyboardInterrupt(
                    f"interrupted at step {run.state.step:,} of {len(course.tasks):,}; to go on: {way}"
                ) from None
            finally:
                tracker.end()

    def _finish(self, start: Start, made: Result) -> Result:
        """Put the adapter in place, unless it learned what nobody may ever be told."""
        told, authors = msgspec.to_builtins(made), start.record.authors
        if not start.record.canaries:
            install.install(self._desk, start.folder / BEST, told, inherited=authors)
        folders.write_json(start.folder / folders.RESULT, made)
        return made

    def _say(self, text: str) -> None:
        if self._team.leads:
            sys.stderr.write(f"{text}\n")


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Only one run of a persona at a time."""
    try:
        with FileLock(work / "train.lock", timeout=0, mode=0o600):
            yield
    except Timeout:
        raise UserError(f"Another run is under way in {work}: wait until it is done.") from None
