"""The option --continue-from takes all that `adopt` takes, and a run begins with its matrices."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.adapter.files import CONFIG, WEIGHTS
from tests.fakes import tiny
from tests.fixtures.tiny_training import TinyPersona
from training.dataset.workspace import read_build_record
from training.trainer import base_model
from training.trainer.stages import read_training_data
from training.trainer.start import TrainOptions, begin_run

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    return TinyPersona(tmp_path_factory.mktemp("built")).built()


def _renamed(folder: Path) -> Path:
    """PEFT would leave out the matrices that it does not find, and begin anew without a word."""
    held = load_file(folder / WEIGHTS)
    save_file(
        {name.replace(".model.model.", ".model.language_model.model."): held[name] for name in held},
        folder / WEIGHTS,
    )
    return folder


def _pickled(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save({"state_dict": load_file(folder / WEIGHTS), "epoch": 3}, folder / name)
        (folder / WEIGHTS).unlink()
        return folder / name if name.endswith(".pth") else folder

    return write


TAKEN: dict[str, Callable[[Path], Path]] = {
    "a folder": lambda folder: folder,
    "the file of weights": lambda folder: folder / WEIGHTS,
    "other names of layers": _renamed,
    "an old pickle": _pickled("adapter_model.bin"),
    "a checkpoint of transformers": _pickled("pytorch_model.bin"),
    "xtuner's file": _pickled("iter_500.pth"),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_all_that_adopt_takes_is_continued(kind: str, built: TinyPersona, tmp_path: Path) -> None:
    """The new run begins with the adapter's matrices, of its rank and strength."""
    persona = built.copy(tmp_path / "persona")
    foreign = tiny.save_adapter(tmp_path / "foreign", persona.root / "model")
    wanted, told = load_file(foreign / WEIGHTS), json.loads((foreign / CONFIG).read_text())
    path = TAKEN[kind](foreign)
    workspace = persona.workspace()
    base = base_model.find_base_model(
        workspace.settings.model, workspace.persona.training, "cpu", workspace.settings.data, print
    )
    data, hashes = read_training_data(workspace, read_build_record(workspace.work))
    (persona.work / ".continued-killed/read").mkdir(parents=True)  # of a process that was killed
    start = begin_run(workspace, base, data, hashes, TrainOptions(continue_from=str(path)))
    assert start.adapter is not None
    assert start.adapter.keys() == wanted.keys()
    assert all(torch.equal(start.adapter[name], wanted[name]) for name in wanted)
    recipe = start.config.recipe
    assert (recipe.rank, sorted(recipe.layers)) == (told["r"], sorted(told["target_modules"]))
    strength = recipe.alpha / (recipe.rank**0.5 if recipe.rslora else recipe.rank)
    assert strength == pytest.approx(told["lora_alpha"] / told["r"])
    assert not list(persona.work.glob(".continued*"))
