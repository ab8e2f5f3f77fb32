"""Where a run begins: with nothing, with an adapter, or where an interrupted one stood."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from bot.engine.lora.config import parse_config
from bot.engine.lora.validation import CONFIG, CONFIG_BYTES, BaseModelIdentity, validate_adapter
from bot.engine.lora.weights import WEIGHTS
from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from bot.untrusted import RefusedFile, read_json
from training.adapters.manifest import authors_of
from training.dataset.workspace import Workspace, read_build_record
from training.metrics.canaries import draw_canaries
from training.planning import memory, resources
from training.planning.recipe import ChosenRecipe, RecipeInputs, choose_recipe
from training.runs import canary_guard, folders, replay, run_config
from training.runs.checkpoints import BEST
from training.runs.run_config import RunConfig
from training.tokenization.examples import TokenizedExample
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
    return Start(folders.coming(desk.work), told, before.marks, before.tensors)


def resume(desk: Workspace, found: BaseModel, data: dict[str, str], wanted: TrainOptions) -> Start:
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
    told = run_config.read_run_config(folder)
    run_config.check_same(told, data, found.plan.fingerprint, folder)
    if wanted.canaries and not told.canaries:
        raise UserError(
            f"The run in {folder} was begun without --canaries: resume it so, or train without --resume."
        )
    return Start(folder, told, replay.read(folder, replay.BEFORE), resumed=True)


def parted(lessons: TrainingData, before: frozenset[str]) -> TrainingData:
    """Only what is new is learned fully."""
    dialogue, old = replay.split_replay(lessons.dialogue, before)
    facts, old_facts = replay.split_replay(lessons.facts, before)
    replayed: tuple[TokenizedExample, ...] = (*old, *old_facts)
    return replace(lessons, dialogue=dialogue, facts=facts, replayed=replayed)


def write(start: Start, lessons: TrainingData) -> None:
    """Make the run's folder, and say in it how the run begins."""
    folders.make(start.folder)
    learned = (*lessons.dialogue, *lessons.facts)
    replay.write(start.folder, replay.BEFORE, start.before)
    replay.write(start.folder, replay.MARKS, (*start.before, *map(replay.example_hash, learned)))
    lineage = {"lineage": {"authors": start.record.authors}}
    folders.write_json(start.folder / replay.MANIFEST, lineage)
    folders.write_json(start.folder / folders.RECIPE, start.record)


def _from_adapter(desk: Workspace, found: BaseModel, lessons: TrainingData, adapter: Path) -> Earlier:
    canary_guard.refuse_canary_adapter(adapter, desk.work)
    tensors, wishes = _read_adapter(adapter, found, desk.persona.training)
    marks, authors = replay.learned_by(adapter, desk.work)
    if not replay.split_replay((*lessons.dialogue, *lessons.facts), marks)[0]:
        raise UserError(f"The adapter in {adapter} has learned all of these data: import something new.")
    return Earlier(wishes, tensors, marks, authors | authors_of(adapter))


def _read_adapter(
    folder: Path, found: BaseModel, wishes: TrainingOptions
) -> tuple[Mapping[str, Tensor], TrainingOptions]:
    """Its matrices, and the wishes with the adapter's own rank, alpha and layers.

    Raises `UserError` where it does not fit the base model, or is not of one rank.
    """
    try:
        config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
        validate_adapter(folder, BaseModelIdentity(found.name, found.plan.fingerprint, found.sizes.linear))
    except RefusedFile as refused:
        raise UserError(
            f"The adapter in {folder} cannot be continued: {refused.reason}; {refused.remedy}."
        ) from None
    if config.ranks or config.alphas or config.excluded or not config.complete:
        raise UserError(
            f"The adapter in {folder} has several ranks: train a new one without --continue-from."
        )
    own = {"rank": config.r, "alpha": config.alpha, "rslora": config.rslora, "layers": config.targets}
    return load_file(folder / WEIGHTS), wishes.model_copy(update=own)


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
    return resources.fit(choose_recipe(wishes, known), sizes, memory.available_memory(device), longest)
