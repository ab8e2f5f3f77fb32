"""Where a run begins: with nothing, with an adapter, or where an interrupted one stood."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from bot.adapter.files import MANIFEST
from bot.adapter.manifest import AdapterManifest, Lineage
from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from training.adapters.manifest import authors_of
from training.dataset.workspace import Workspace, read_build_record
from training.metrics.canaries import draw_canaries
from training.planning import memory, resources
from training.planning.recipe import ChosenRecipe, RecipeInputs, choose_recipe
from training.runs import canary_guard, folders, replay, run_config
from training.runs.checkpoints import BEST
from training.runs.run_config import RunConfig
from training.tokenization.examples import TokenizedExample
from training.trainer import continuing
from training.trainer.base_model import BaseModel
from training.trainer.stages import TrainingData


@dataclass(frozen=True, slots=True)
class TrainOptions:
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
    record: RunConfig
    before: frozenset[str] = frozenset()
    adapter: Mapping[str, Tensor] | None = None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a new run starts from: an adapter and what it learned, or nothing."""

    wishes: TrainingOptions
    tensors: Mapping[str, Tensor] | None = None
    marks: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()


def begin(
    desk: Workspace, found: BaseModel, lessons: TrainingData, data: dict[str, str], wanted: TrainOptions
) -> Start:
    """A new run, from nothing or from an adapter; raises `UserError` where that has nothing to learn."""
    made, wishes, adapter = read_build_record(desk.work), desk.persona.training, wanted.continue_from
    before = _from_adapter(desk, found, lessons, adapter) if adapter is not None else Earlier(wishes)
    chosen = _choose(found, lessons, before.wishes)
    told = RunConfig(
        recipe=chosen.recipe,
        reasons=dict(chosen.reasons),
        base_model=found.name,
        base_hash=found.plan.fingerprint,
        window=made.window,
        data=data,
        authors=tuple(sorted({*made.authors, *before.authors})),
        continued_from=str(adapter) if adapter is not None else None,
        canaries=draw_canaries(chosen.recipe.seed) if wanted.canaries else (),
    )
    return Start(folders.next_run(desk.work), told, before.marks, before.tensors)


def resume(desk: Workspace, found: BaseModel, data: dict[str, str], wanted: TrainOptions) -> Start:
    """The newest run, which was interrupted; raises `UserError` where there is none that can go on."""
    known = folders.list_runs(desk.work)
    if not known:
        raise UserError(f"There is no run in {desk.work} to resume: train without --resume.")
    folder = known[-1]
    if folders.is_finished(folder):
        raise UserError(
            f"The newest run, {folder.name}, came to its end: train without --resume, or with "
            f"--continue-from {folder / BEST}."
        )
    told = run_config.read_run_config(folder)
    run_config.check_resumable(told, data, found.plan.fingerprint, folder)
    if wanted.canaries and not told.canaries:
        raise UserError(
            f"The run in {folder} was begun without --canaries: resume it so, or train without --resume."
        )
    return Start(folder, told, replay.read_example_hashes(folder, replay.BEFORE), resumed=True)


def parted(lessons: TrainingData, before: frozenset[str]) -> TrainingData:
    """Only what is new is learned fully."""
    dialogue, old = replay.split_replay(lessons.dialogue, before)
    facts, old_facts = replay.split_replay(lessons.facts, before)
    replayed: tuple[TokenizedExample, ...] = (*old, *old_facts)
    return replace(lessons, dialogue=dialogue, facts=facts, replayed=replayed)


def write(start: Start, lessons: TrainingData) -> None:
    """Make the run's folder, and say in it how the run begins."""
    folders.make_run_folder(start.folder)
    learned = (*lessons.dialogue, *lessons.facts)
    replay.write_example_hashes(start.folder, replay.BEFORE, start.before)
    replay.write_example_hashes(
        start.folder, replay.LEARNED, (*start.before, *map(replay.example_hash, learned))
    )
    manifest = AdapterManifest(lineage=Lineage(frozenset(start.record.authors)))
    folders.write_run_file(start.folder / MANIFEST, manifest.as_json())
    folders.write_run_file(start.folder / folders.RECIPE, start.record)


def _from_adapter(desk: Workspace, found: BaseModel, lessons: TrainingData, adapter: Path) -> Earlier:
    canary_guard.refuse_canary_adapter(adapter, desk.work)
    tensors, wishes = continuing.read_adapter_tensors(adapter, found, desk.persona.training)
    marks, authors = replay.learned_examples(adapter, desk.work)
    if not replay.split_replay((*lessons.dialogue, *lessons.facts), marks)[0]:
        raise UserError(f"The adapter in {adapter} has learned all of these data: import something new.")
    return Earlier(wishes, tensors, marks, authors | authors_of(adapter))


def _choose(found: BaseModel, lessons: TrainingData, wishes: TrainingOptions) -> ChosenRecipe:
    """The recipe, as far as there is room for it."""
    sizes, device = found.sizes, found.plan.device
    longest = max(len(row.ids) for row in lessons.every)
    known = RecipeInputs(
        parameters=sizes.weights,
        answers=lessons.answers,
        longest=longest,
        layers=found.layers,
        precision=found.plan.precision,
        device=device,
    )
    return resources.fit_recipe(choose_recipe(wishes, known), sizes, memory.available_memory(device), longest)
