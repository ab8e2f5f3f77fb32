"""Where a run begins: with nothing, with an adapter, or where an interrupted one stood."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from bot.errors import UserError
from bot.persona.training_options import Training
from training.adapters.manifest import authors_of
from training.dataset.workspace import Desk, settings_of
from training.metrics.canaries import draw
from training.planning import memory, resources
from training.planning.recipe import Chosen, Known, choose
from training.runs import canary_guard, folders, replay, run_config
from training.runs.checkpoints import BEST
from training.runs.run_config import Record
from training.tokenization.examples import Row
from training.trainer import continuing
from training.trainer.base_model import Found
from training.trainer.stages import Lessons


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: at most one of the first two."""

    resume: bool = False
    continue_from: Path | None = None
    plan_only: bool = False
    track: str | None = None
    canaries: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins. `before` are the marks of lessons that were learned earlier."""

    folder: Path
    record: Record
    before: frozenset[str] = frozenset()
    adapter: Mapping[str, Tensor] | None = None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a new run starts from: an adapter and what it learned, or nothing."""

    wishes: Training
    tensors: Mapping[str, Tensor] | None = None
    marks: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()


def begin(desk: Desk, found: Found, lessons: Lessons, data: dict[str, str], wanted: Wanted) -> Start:
    """A new run, from nothing or from an adapter; raises `UserError` where that has nothing to learn."""
    made, wishes, adapter = settings_of(desk.work), desk.persona.training, wanted.continue_from
    before = _from_adapter(desk, found, lessons, adapter) if adapter is not None else Earlier(wishes)
    chosen = _choose(found, lessons, before.wishes)
    told = Record(
        recipe=chosen.recipe,
        reasons=dict(chosen.reasons),
        base_model=found.name,
        base_hash=found.plan.fingerprint,
        window=made.window,
        data=data,
        authors=tuple(sorted({*made.authors, *before.authors})),
        continued_from=str(adapter) if adapter is not None else None,
        canaries=draw(chosen.recipe.seed) if wanted.canaries else (),
    )
    return Start(folders.coming(desk.work), told, before.marks, before.tensors)


def resume(desk: Desk, found: Found, data: dict[str, str], wanted: Wanted) -> Start:
    """The newest run, which was interrupted; raises `UserError` where there is none that can go on."""
    known = folders.every(desk.work)
    if not known:
        raise UserError(f"There is no run in {desk.work} to resume: train without --resume.")
    folder = known[-1]
    if folders.is_finished(folder):
        raise UserError(
            f"The newest run, {folder.name}, came to its end: train without --resume, or with "
            f"--continue-from {folder / BEST}."
        )
    told = run_config.read(folder)
    run_config.check_same(told, data, found.plan.fingerprint, folder)
    if wanted.canaries and not told.canaries:
        raise UserError(
            f"The run in {folder} was begun without --canaries: resume it so, or train without --resume."
        )
    return Start(folder, told, replay.read(folder, replay.BEFORE), resumed=True)


def parted(lessons: Lessons, before: frozenset[str]) -> Lessons:
    """Only what is new is learned fully."""
    dialogue, old = replay.split(lessons.dialogue, before)
    facts, old_facts = replay.split(lessons.facts, before)
    replayed: tuple[Row, ...] = (*old, *old_facts)
    return replace(lessons, dialogue=dialogue, facts=facts, replayed=replayed)


def write(start: Start, lessons: Lessons) -> None:
    """Make the run's folder, and say in it how the run begins."""
    folders.make(start.folder)
    learned = (*lessons.dialogue, *lessons.facts)
    replay.write(start.folder, replay.BEFORE, start.before)
    replay.write(start.folder, replay.MARKS, (*start.before, *map(replay.mark, learned)))
    lineage = {"lineage": {"authors": start.record.authors}}
    folders.write_json(start.folder / replay.MANIFEST, lineage)
    folders.write_json(start.folder / folders.RECIPE, start.record)


def _from_adapter(desk: Desk, found: Found, lessons: Lessons, adapter: Path) -> Earlier:
    canary_guard.refuse(adapter, desk.work)
    tensors, wishes = continuing.read(adapter, found, desk.persona.training)
    marks, authors = replay.learned_by(adapter, desk.work)
    if not replay.split((*lessons.dialogue, *lessons.facts), marks)[0]:
        raise UserError(f"The adapter in {adapter} has learned all of these data: import something new.")
    return Earlier(wishes, tensors, marks, authors | authors_of(adapter))


def _choose(found: Found, lessons: Lessons, wishes: Training) -> Chosen:
    """The recipe, as far as there is room for it."""
    sizes, device = found.sizes, found.plan.device
    longest = max(len(row.ids) for row in lessons.every)
    known = Known(
        parameters=sizes.weights,
        answers=lessons.answers,
        longest=longest,
        layers=found.layers,
        precision=found.plan.precision,
        device=device,
    )
    return resources.fit(choose(wishes, known), sizes, memory.room(device), longest)
