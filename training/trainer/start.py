"""The start of a run: from nothing, from an adapter (--continue-from) or from a checkpoint (--resume)."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from torch import Tensor

from bot.adapter.files import CONFIG, CONFIG_BYTES, MANIFEST, WEIGHTS
from bot.adapter.manifest import AdapterManifest, Lineage
from bot.engine.lora.config import parse_config
from bot.engine.lora.validation import validate_adapter
from bot.errors import UserError
from bot.untrusted import read_json
from training.adapters.foreign import ConfigGaps
from training.adapters.intake import open_foreign_adapter, rewrite_adapter
from training.adapters.manifest import authors_of
from training.dataset.workspace import Workspace, read_build_record
from training.metrics.canaries import draw_canaries
from training.planning import memory, resources
from training.planning.recipe import ChosenRecipe, Recipe, RecipeInputs, choose_recipe
from training.planning.recipe_file import GivenOptions
from training.runs import folders, replay, run_config
from training.runs.checkpoints import BEST, read_tensors
from training.runs.run_config import RunConfig
from training.trainer.base_model import BaseModel
from training.trainer.kept_schedule import EarlierRun, read_earlier_run
from training.trainer.lora_learner import LoraLearner
from training.trainer.stages import TrainingData
from training.trainer.step_memory import StepMemory

_CONTINUED = ".continued-"  # begins the name of a folder in work/, while an adapter is read


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of the command `train`; `resume` and `continue_from` exclude each other.

    With `keep_schedule`, the schedule of the run that made the adapter goes on. `sources` are the reasons of
    options of training that are not set in persona.toml. The recipe is written to `recipe_file`. `goes_on`:
    the newest run is resumed where it can be, and else a new one begins.
    """

    resume: bool = False
    continue_from: str | Path | None = None
    plan_only: bool = False
    track: str | None = None
    canaries: bool = False
    keep_schedule: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    recipe_file: Path | None = None
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class RunStart:
    """The start of a run. `learned_hashes` are the hashes of examples that an earlier run trained on.

    `moments` are those of AdamW, where the schedule of an earlier run goes on.
    """

    run_folder: Path
    config: RunConfig
    learned_hashes: frozenset[str] = frozenset()
    adapter: Mapping[str, Tensor] | None = None
    moments: Mapping[str, Tensor] = field(default_factory=dict)
    resumed: bool = False

    @property
    def earlier_updates(self) -> int:
        """The number of updates that AdamW had made before the run."""
        return self.config.schedule.updates if self.config.schedule else 0

    def restore_to(self, learner: LoraLearner) -> None:
        """Give a learner the adapter and AdamW's state that the run begins with, if it continues one."""
        if self.adapter is not None:
            learner.restore(self.adapter, self.moments, self.earlier_updates)

    def with_recipe(self, recipe: Recipe) -> "RunStart":
        """Return the start with a recipe whose steps the memory held when they were tried."""
        changed = [
            key
            for key in ("row", "checkpointing")
            if getattr(recipe, key) != getattr(self.config.recipe, key)
        ]
        reasons = self.config.reasons | dict.fromkeys(changed, "the memory ran out in a trial step")
        return replace(self, config=msgspec.structs.replace(self.config, recipe=recipe, reasons=reasons))


@dataclass(frozen=True, slots=True)
class ContinuedAdapter:
    """The adapter that a new run continues, with the hashes and authors of its examples; or none.

    `given` are the options of the new run; `earlier` is the run whose schedule goes on; `origin` is the
    folder that the adapter came from.
    """

    given: GivenOptions
    tensors: Mapping[str, Tensor] | None = None
    learned_hashes: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    earlier: EarlierRun | None = None
    origin: Path | None = None

    def with_schedule(self, earlier: EarlierRun) -> "ContinuedAdapter":
        """Return the last adapter of a run, whose schedule goes on."""
        reason = f"that of run {earlier.schedule.run}, whose schedule goes on"
        given = self.given.updated(earlier.options, reason)
        return replace(self, given=given, tensors=earlier.adapter, earlier=earlier)


def begin_run(
    workspace: Workspace,
    base: BaseModel,
    data: TrainingData,
    hashes: dict[str, str],
    options: TrainOptions,
) -> RunStart:
    """Return the start of a new run, from nothing or from an adapter.

    `hashes` are those of the data files. Raises `UserError` where the adapter does not fit or has learned
    all of the data.
    """
    build, adapter = read_build_record(workspace.work), options.continue_from
    continued = ContinuedAdapter(GivenOptions(workspace.persona.training, options.sources))
    if adapter is not None:
        continued = _continue_adapter(workspace, base, data, adapter, continued.given)
    if continued.origin and options.keep_schedule:
        continued = continued.with_schedule(read_earlier_run(continued.origin, workspace.work))
    chosen, earlier = _choose_recipe(base, data, continued.given), continued.earlier
    config = RunConfig(
        recipe=chosen.recipe,
        reasons=dict(chosen.reasons),
        base_model=base.name,
        base_hash=base.plan.fingerprint,
        window=build.window,
        data=hashes,
        authors=tuple(sorted({*build.authors, *continued.authors})),
        continued_from=str(adapter) if adapter is not None else None,
        canaries=draw_canaries(chosen.recipe.seed) if options.canaries else (),
        schedule=earlier.schedule if earlier else None,
    )
    folder, moments = folders.next_run(workspace.work), earlier.moments if earlier else {}
    return RunStart(folder, config, continued.learned_hashes, continued.tensors, moments)


def resume_run(
    workspace: Workspace, base: BaseModel, hashes: dict[str, str], options: TrainOptions
) -> RunStart:
    """Return the newest run, which was interrupted; raises `UserError` where no run can be resumed."""
    runs = folders.list_runs(workspace.work)
    if not runs:
        raise UserError(f"There is no run in {workspace.work} to resume: train without --resume.")
    folder = runs[-1]
    if folders.is_finished(folder):
        raise UserError(
            f"The newest run, {folder.name}, came to its end: train without --resume, or with "
            f"--continue-from {folder / BEST}."
        )
    config = run_config.read_run_config(folder)
    run_config.check_resumable(config, hashes, base.plan.fingerprint, folder)
    if options.canaries and not config.canaries:
        raise UserError(
            f"The run in {folder} was begun without --canaries: resume it so, or train without --resume."
        )
    return RunStart(folder, config, replay.read_example_hashes(folder, replay.BEFORE), resumed=True)


def separate_replay(data: TrainingData, learned_hashes: frozenset[str]) -> TrainingData:
    """Move the examples that an earlier run trained on to `replayed`."""
    dialogue, old = replay.split_replay(data.dialogue, learned_hashes)
    facts, old_facts = replay.split_replay(data.facts, learned_hashes)
    return replace(data, dialogue=dialogue, facts=facts, replayed=(*old, *old_facts))


def write_run_start(start: RunStart, data: TrainingData) -> None:
    """Make the run's folder and write its recipe, its manifest and the hashes of its examples."""
    folders.make_run_folder(start.run_folder)
    hashes = map(replay.example_hash, (*data.dialogue, *data.facts))
    replay.write_example_hashes(start.run_folder, replay.BEFORE, start.learned_hashes)
    replay.write_example_hashes(start.run_folder, replay.LEARNED, (*start.learned_hashes, *hashes))
    manifest = AdapterManifest(lineage=Lineage(frozenset(start.config.authors)))
    folders.write_run_file(start.run_folder / MANIFEST, manifest.as_json())
    folders.write_run_file(start.run_folder / folders.RECIPE, start.config)


def _continue_adapter(
    workspace: Workspace, base: BaseModel, data: TrainingData, adapter: str | Path, given: GivenOptions
) -> ContinuedAdapter:
    """Read an adapter by its path or its name on the hub, as `adopt` does."""
    for left in workspace.work.glob(f"{_CONTINUED}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=_CONTINUED, dir=workspace.work) as place:
        read, plain = Path(place) / "read", Path(place) / "plain"
        with open_foreign_adapter(workspace, adapter, ConfigGaps(), read, "cannot be continued") as foreign:
            if validate_adapter(foreign.folder, base.identity).is_plain:
                plain = foreign.folder
            else:
                rewrite_adapter(foreign, plain, base.identity)
            tensors, own = _read_adapter(plain, adapter, base)
            hashes, authors = replay.learned_examples(foreign.origin, workspace.work)
            authors |= authors_of(foreign.folder)
    if not replay.split_replay((*data.dialogue, *data.facts), hashes)[0]:
        raise UserError(f"The adapter in {adapter} has learned all of these data: import something new.")
    given = given.updated(own, "that of the adapter that is continued")
    return ContinuedAdapter(given, tensors, hashes, authors, origin=foreign.origin)


def _read_adapter(
    folder: Path, given: str | Path, base: BaseModel
) -> tuple[Mapping[str, Tensor], dict[str, object]]:
    """Return an adapter's matrices, and the training options rank, alpha, rslora and layers that it has.

    Raises `UserError` where it has several ranks.
    """
    config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
    if not config.is_uniform:
        raise UserError(f"The adapter in {given} has several ranks: train a new one without --continue-from.")
    layers = _layer_endings(config.targets or (), base)
    own = {"rank": config.r, "alpha": config.alpha, "rslora": config.rslora, "layers": layers}
    return read_tensors(folder / WEIGHTS), own


def _layer_endings(targets: tuple[str, ...], base: BaseModel) -> tuple[str, ...]:
    """Return the endings of the targets' names where they mean the same layers, else the targets."""
    endings = tuple(dict.fromkeys(name.rpartition(".")[2] for name in targets))
    meant = {name for name in base.sizes.linear if name.rpartition(".")[2] in endings}
    return endings if meant == set(targets) else targets


def _choose_recipe(base: BaseModel, data: TrainingData, given: GivenOptions) -> ChosenRecipe:
    """Choose a recipe that fits the free memory."""
    device = base.plan.device
    longest = max(len(each.ids) for each in data.all_examples)
    inputs = RecipeInputs(
        parameters=base.sizes.weights,
        answers=data.answer_count,
        longest=longest,
        layers=base.layers,
        precision=base.plan.precision,
        device=device,
    )
    chosen = choose_recipe(given.options, inputs, given.sources)
    memory_of = StepMemory(base.sizes, base.kept_bytes(chosen.recipe), data)
    return resources.fit_recipe(chosen, memory_of, memory.available_memory(device), longest)
