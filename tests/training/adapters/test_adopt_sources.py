"""An adapter is taken from a folder, a file, a checkpoint or a run, with its config or without one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bot.errors import UserError
from tests.fixtures.foreign_adapters import CONFIG, PICKLED, WEIGHTS
from training.adapters.adopt import adopt_adapter
from training.adapters.foreign import ConfigGaps
from training.dataset.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

Tensors = dict[str, torch.Tensor]
XTUNER = (
    "model = dict(llm=dict(pretrained_model_name_or_path='someone/base-7b'), lora=dict(r=4, lora_alpha=16))"
)


def beside(folder: Path, name: str, write: Callable[[Tensors], Any]) -> Path:
    """Put another file in the place of the weights."""
    torch.save(write(load_file(folder / WEIGHTS)), folder / name)
    (folder / WEIGHTS).unlink()
    return folder / name


def with_base(tensors: Tensors, prefix: str = "") -> Tensors:
    """A whole training's state: the base model's tensors, and the pairs under the name of the adapter."""
    named = {name.replace(".weight", ".default.weight"): values for name, values in tensors.items()}
    frozen = {"base_model.model.model.norm.weight": torch.ones(64)}
    return {f"{prefix}{name}": values for name, values in (frozen | named).items()}


def xtuner(tensors: Tensors) -> dict[str, Any]:
    return {"meta": {"cfg": XTUNER, "iter": 500}, "state_dict": with_base(tensors, "llm."), "message_hub": {}}


SOURCES: dict[str, Callable[[Path], Path]] = {
    "a folder": lambda folder: folder,
    "the file of weights": lambda folder: folder / WEIGHTS,
    "a pickle": lambda folder: beside(folder, PICKLED, dict),
    "a checkpoint of transformers": lambda folder: beside(folder, "pytorch_model.bin", with_base).parent,
    "its file": lambda folder: beside(folder, "pytorch_model.bin", with_base),
    "another name": lambda folder: (folder / WEIGHTS).rename(folder / "lora.safetensors"),
    "xtuner's file": lambda folder: beside(folder, "iter_500.pth", xtuner),
    "xtuner's folder": lambda folder: beside(folder, "iter_500.pth", xtuner).parent,
    "DeepSpeed's folder": lambda folder: (
        beside(
            folder,
            "mp_rank_00_model_states.pt",
            lambda tensors: {"module": with_base(tensors), "dp_world_size": 2},
        ).parent
    ),
}


def same_pairs(home: Path, plain: Path) -> None:
    """The same matrices by the same names, of the same strength."""
    adopted, wanted = load_file(home / WEIGHTS), load_file(plain / WEIGHTS)
    assert adopted.keys() == wanted.keys()
    assert all(torch.equal(adopted[name], wanted[name]) for name in wanted)
    told, before = (json.loads((folder / CONFIG).read_text()) for folder in (home, plain))
    assert told["lora_alpha"] / told["r"] == before["lora_alpha"] / before["r"]


@pytest.mark.parametrize("kind", SOURCES)
def test_an_adapter_is_adopted_from(kind: str, workspace: Workspace, plain: Path, foreign: Path) -> None:
    path = SOURCES[kind](foreign)
    before = {each.name: each.read_bytes() for each in foreign.iterdir()}
    same_pairs(adopt_adapter(workspace, path).home, plain)
    assert {each.name: each.read_bytes() for each in foreign.iterdir()} == before
    assert {each.name for each in workspace.folder.glob("adapter*")} == {"adapter", "adapter.lock"}


def test_what_a_checkpoint_holds_beside_the_adapter_is_named(workspace: Workspace, foreign: Path) -> None:
    adopted = adopt_adapter(workspace, beside(foreign, "pytorch_model.bin", with_base))
    assert adopted.left_out == (
        "left out: 1 tensors of the base model that the checkpoint holds beside the adapter "
        "(base_model.model.model.norm.weight)"
    )


def test_xtuners_settings_say_strength_and_base_model(
    workspace: Workspace, plain: Path, foreign: Path
) -> None:
    path = beside(foreign, "iter_500.pth", xtuner)
    (foreign / CONFIG).unlink()
    adopted = adopt_adapter(workspace, path)
    same_pairs(adopted.home, plain)
    assert adopted.base == "someone/base-7b"


def test_without_a_config_shapes_tell_all_but_the_strength(
    workspace: Workspace, plain: Path, foreign: Path, tmp_path: Path
) -> None:
    config = (foreign / CONFIG).rename(tmp_path / "elsewhere.json")
    with pytest.raises(UserError) as refused:
        adopt_adapter(workspace, foreign)
    assert str(refused.value) == (
        f"The adapter in {foreign} is refused: {CONFIG} is missing, and shapes tell its rank (4) and layers "
        "but not its strength; give `python -m training adopt` its config with --adapter-config FILE, or its "
        "lora_alpha with --alpha (often 8)."
    )
    same_pairs(adopt_adapter(workspace, foreign, ConfigGaps(alpha=16)).home, plain)
    same_pairs(adopt_adapter(workspace, foreign, ConfigGaps(config)).home, plain)
    with pytest.raises(UserError, match=r"There is no file .*nowhere\.json: name an adapter_config\.json"):
        adopt_adapter(workspace, foreign, ConfigGaps(tmp_path / "nowhere.json"))


def test_ranks_of_their_own_are_read_from_shapes(workspace: Workspace, foreign: Path) -> None:
    held = load_file(foreign / WEIGHTS)
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    held[f"{name}A.weight"], held[f"{name}B.weight"] = torch.ones(2, 64), torch.ones(64, 2)
    save_file(held, foreign / WEIGHTS)
    (foreign / CONFIG).unlink()
    home = adopt_adapter(workspace, foreign, ConfigGaps(alpha=16)).home
    told = json.loads((home / CONFIG).read_text())
    assert told["rank_pattern"] == {"model.layers.0.self_attn.q_proj": 2}


def test_a_run_is_its_best_checkpoint(workspace: Workspace, plain: Path, tmp_path: Path) -> None:
    run = tmp_path / "0003"
    shutil.copytree(plain, run / "best")
    shutil.copytree(plain, run / "last")
    with pytest.raises(UserError, match=r"holds several adapters \(best, last\)"):
        adopt_adapter(workspace, run)
    (run / "recipe.json").write_text("{}")
    same_pairs(adopt_adapter(workspace, run).home, plain)


def test_among_several_checkpoints_one_must_be_named(workspace: Workspace, foreign: Path) -> None:
    path = beside(foreign, "iter_500.pth", xtuner)
    shutil.copy(path, foreign / "iter_900.pth")
    with pytest.raises(
        UserError, match=r"several checkpoints \(iter_500\.pth, iter_900\.pth\): name the file"
    ):
        adopt_adapter(workspace, foreign)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "There is no folder {}: name the one that holds adapter_config.json, the file of its "),
        ("notes.txt", "notes.txt is no file of an adapter: name one of .safetensors, .bin, .pth, .pt."),
        (
            "empty.pth",
            "The adapter in {} is refused: empty.pth is not an archive as torch writes it; save it",
        ),
        (
            "base.pth",
            "The adapter in {} is refused: base.pth holds no LoRA matrices; name the checkpoint of a",
        ),
    ],
)
def test_what_holds_no_adapter_is_told(name: str, said: str, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty.pth").touch()
    torch.save({"model.norm.weight": torch.ones(2)}, tmp_path / "base.pth")
    with pytest.raises(UserError) as refused:
        adopt_adapter(workspace, tmp_path / name)
    assert str(refused.value).startswith(said.format(tmp_path / name))


def test_a_checkpoint_of_another_model_is_refused_by_its_sides(workspace: Workspace, foreign: Path) -> None:
    def wider(tensors: Tensors) -> Tensors:
        return {name: torch.ones(4, 128) if "lora_A" in name else values for name, values in tensors.items()}

    with pytest.raises(UserError, match="its shapes do not match the base model"):
        adopt_adapter(workspace, beside(foreign, "pytorch_model.bin", wider))


def test_a_snapshot_of_the_hubs_cache_is_read_through_its_links(
    workspace: Workspace, plain: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "models--someone--lora"
    snapshot = repository / "snapshots/abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for at, name in enumerate((CONFIG, WEIGHTS)):
        shutil.copy(plain / name, repository / f"blobs/{at}")
        (snapshot / name).symlink_to(f"../../blobs/{at}")
    same_pairs(adopt_adapter(workspace, snapshot).home, plain)
    same_pairs(adopt_adapter(workspace, snapshot / WEIGHTS).home, plain)
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to(plain / WEIGHTS)
    with pytest.raises(UserError, match="is a link to another place"):
        adopt_adapter(workspace, snapshot)
