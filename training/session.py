"""From a persona's data to its adapter: everything that one call of the command `train` does, in order."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout
from torch import Tensor

from bot.errors import UserError
from bot.persona.training import Training
from training import (
    base,
    calibration,
    continuing,
    earlier,
    installation,
    memory,
    plan,
    record,
    runs,
    tracking,
)
from training import stages as staging
from training.base import Found
from training.build import Desk, settings_of
from training.checkpoints import BEST, State
from training.corpus import Row
from training.course import Course
from training.learner import Learner
from training.manifest import authors_of
from training.plan import Plan
from training.progress import Bar
from training.recipe import Chosen, Known, choose
from training.record import Record, Result
from training.schedule import tasks
from training.signals import Stop
from training.stages import Lessons
from training.team import Team
from training.tracking import Tracker
from training.train import Run


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: at most one of the first two."""

    resume: bool = False
    continue_from: Path | None = None
    plan_only: bool = False
    track: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins. `before` are the marks of lessons that were learned earlier."""

    folder: Path
    record: Record
    before: frozenset[str] = frozenset()
    adapter: Mapping[str, Tensor] | None = None
    resumed: bool = False


def train(desk: Desk, wanted: Wanted) -> Result | None:
    """Learn; None where only the plan was wanted, or in a process that does not lead. Raises `UserError`."""
    settings_of(desk.work)
    tracking.check(wanted.track)
    team = Team(base.device_of(desk.settings.model, desk.persona.training))
    with ExitStack() as stack:
        if team.leads:
            stack.enter_context(_alone(desk.work))
            installation.settle(desk.folder)
        stack.callback(team.end)
        installation.place(desk)
        return Session(desk, wanted, team).run()


class Session:
    """One call of the command."""

    def __init__(self, desk: Desk, wanted: Wanted, team: Team) -> None:
        self._desk, self._wanted, self._team = desk, wanted, team
        self._made = settings_of(desk.work)

    def run(self) -> Result | None:
        """Plan, learn, install."""
        self._found = self._find()
        lessons, data = self._read()
        start = self._resumed(data) if self._wanted.resume else self._begun(lessons, data)
        lessons = replace(lessons, **_parted(lessons, start.before))
        course = self._course(start, lessons)
        learner = Learner(self._found.load(), start.record.recipe, self._team, self._found.name)
        if start.adapter is not None:
            learner.restore(start.adapter, {}, 0)
        planned = self._plan(start, course, learner, lessons)
        if self._wanted.plan_only:
            return None
        if not start.resumed:
            self._open(start, planned, lessons)
        began = time.perf_counter()
        state = self._learn(start, course, learner)
        result = self._result(start, course, planned, state, time.perf_counter() - began)
        return self._finish(start, result) if self._team.leads else None

    def _find(self) -> Found:
        desk, team = self._desk, self._team
        with team.leader_first():
            return base.find(
                desk.settings.model, desk.persona.training, team.device, desk.settings.data, self._say
            )

    def _read(self) -> tuple[Lessons, dict[str, str]]:
        with self._team.leader_first():
            lessons, data = staging.read(self._desk, self._made)
        if not lessons.dialogue:
            raise UserError("There are no answers to learn, only documents: import chats, then build again.")
        return lessons, data

    def _begun(self, lessons: Lessons, data: dict[str, str]) -> Start:
        """A new run, from nothing or from an adapter."""
        adapter, wishes = self._wanted.continue_from, self._desk.persona.training
        folder, marks = runs.coming(self._desk.work), frozenset[str]()
        tensors, authors = None, frozenset[str]()
        if adapter is not None:
            tensors, wishes = continuing.read(adapter, self._found, wishes)
            marks, authors = earlier.learned_by(adapter, self._desk.work)
            authors |= authors_of(adapter)
            new = earlier.split((*lessons.dialogue, *lessons.facts), marks)[0]
            if not new:
                raise UserError(
                    f"The adapter in {adapter} has learned all of these data: import something new."
                )
        chosen = self._choose(lessons, wishes)
        origin = str(adapter) if adapter is not None else None
        made = Record(
            recipe=chosen.recipe,
            reasons=dict(chosen.reasons),
            base_model=self._found.name,
            base_hash=self._found.plan.fingerprint,
            window=self._made.window,
            data=data,
            authors=tuple(sorted({*self._made.authors, *authors})),
            continued_from=origin,
        )
        return Start(folder, made, marks, tensors)

    def _choose(self, lessons: Lessons, wishes: Training) -> Chosen:
        sizes, device = self._found.sizes, self._found.plan.device
        longest = max(len(row.ids) for row in lessons.every)
        known = Known(
            parameters=sizes.weights,
            answers=lessons.answers,
            longest=longest,
            layers=self._found.layers,
            precision=self._found.plan.precision,
            device=device,
        )
        return plan.fit(choose(wishes, known), sizes, memory.room(device), longest)

    def _resumed(self, data: dict[str, str]) -> Start:
        """The newest run, which was interrupted."""
        known = runs.every(self._desk.work)
        if not known:
            raise UserError(f"There is no run in {self._desk.work} to resume: train without --resume.")
        folder = known[-1]
        if runs.is_finished(folder):
            raise UserError(
                f"The newest run, {folder.name}, came to its end: train without --resume, or with "
                f"--continue-from {folder / BEST}."
            )
        told = record.read(folder)
        record.check_same(told, data, self._found.plan.fingerprint, folder)
        return Start(folder, told, earlier.read(folder, earlier.BEFORE), resumed=True)

    def _course(self, start: Start, lessons: Lessons) -> Course:
        recipe = start.record.recipe
        found = staging.stages(lessons, recipe)
        return Course(start.folder, found, lessons.held, tasks(found, recipe), recipe)

    def _plan(self, start: Start, course: Course, learner: Learner, lessons: Lessons) -> Plan:
        """What the run takes: tried on this machine, or as it was said when the run began."""
        if start.resumed:
            return runs.read_json(start.folder / runs.PLAN, Plan)
        device = start.record.recipe.device
        room = memory.room(device)
        trial = calibration.measure(course, learner, self._team.size)
        if start.adapter is not None:
            learner.restore(start.adapter, {}, 0)
        planned = Plan(
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
        chosen = Chosen(start.record.recipe, start.record.reasons)
        self._say(plan.as_text(planned, chosen, _notes(lessons, start)))
        return planned

    def _open(self, start: Start, planned: Plan, lessons: Lessons) -> None:
        """Make the run's folder."""
        if self._team.leads:
            runs.make(start.folder)
            learned = (*lessons.dialogue, *lessons.facts)
            earlier.write(start.folder, earlier.BEFORE, start.before)
            earlier.write(start.folder, earlier.MARKS, (*start.before, *map(earlier.mark, learned)))
            lineage = {"lineage": {"authors": start.record.authors}}
            runs.write_json(start.folder / earlier.MANIFEST, lineage)
            runs.write_json(start.folder / runs.RECIPE, start.record)
            runs.write_json(start.folder / runs.PLAN, planned)
        self._team.wait()

    def _learn(self, start: Start, course: Course, learner: Learner) -> State:
        total = sum(map(course.tokens, course.tasks))
        with Stop() as stop, Bar(total, self._team.leads) as bar:
            tracker = Tracker(self._wanted.track if self._team.leads else None, start.folder)
            run = Run(course, learner, self._team, bar, stop, tracker)
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

    def _result(self, start: Start, course: Course, planned: Plan, state: State, seconds: float) -> Result:
        done = course.tasks[: state.step]
        return Result(
            run=start.folder.name,
            steps=state.step,
            best_step=state.best_step or state.step,
            best_loss=state.best,
            halved=state.halved,
            seconds=round(seconds, 1),
            planned_seconds=round(planned.seconds, 1),
            bytes=memory.peak(start.record.recipe.device),
            planned_bytes=planned.bytes,
            tokens=sum(map(course.tokens, done)),
            learned=sum(map(course.learned, done)),
            record=start.record,
        )

    def _finish(self, start: Start, result: Result) -> Result:
        told, authors = msgspec.to_builtins(result), start.record.authors
        installation.install(self._desk, start.folder / BEST, told, inherited=authors)
        runs.write_json(start.folder / runs.RESULT, result)
        return result

    def _say(self, text: str) -> None:
        if self._team.leads:
            sys.stderr.write(f"{text}\n")


def as_text(result: Result) -> str:
    """What came of a run."""
    best = (
        f", {result.best_loss:.4f} nats a token on what is held out" if result.best_loss is not None else ""
    )
    speed = result.tokens / max(result.seconds, 1e-9)
    return "\n".join(
        [
            f"run {result.run}: {result.steps:,} steps, the best after {result.best_step:,}{best}",
            f"time    {plan.duration(result.seconds)} (planned {plan.duration(result.planned_seconds)}), "
            f"{speed:,.0f} tokens/s",
            f"memory  {plan.gigabytes(result.bytes)} (planned {plan.gigabytes(result.planned_bytes)})",
            "The adapter is in place.",
        ]
    )


def _parted(lessons: Lessons, before: frozenset[str]) -> dict[str, tuple[Row, ...]]:
    """Only what is new is learned fully."""
    dialogue, old = earlier.split(lessons.dialogue, before)
    facts, old_facts = earlier.split(lessons.facts, before)
    return {"dialogue": dialogue, "facts": facts, "replayed": (*old, *old_facts)}


def _notes(lessons: Lessons, start: Start) -> list[str]:
    notes = []
    if not lessons.held:
        notes.append("Nothing is held out, so the last state is kept: with more chats the best one could be.")
    if start.adapter is not None and not lessons.replayed:
        notes.append("Nothing that the adapter learned before is in the data, so nothing of it is replayed.")
    return notes


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Only one run of a persona at a time."""
    try:
        with FileLock(work / "train.lock", timeout=0, mode=0o600):
            yield
    except Timeout:
        raise UserError(f"Another run is under way in {work}: wait until it is done.") from None
