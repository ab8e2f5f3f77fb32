"""Adapters of others are checked and written anew; what they could run is never run."""

import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from bot import config
from bot.errors import UserError
from bot.persona.persona import load_persona
from bot.prompt.builder import open_prompt_format
from bot.prompt.contract import check_contract, prompt_contract
from tests.fakes import tiny
from training.__main__ import main
from training.adapters.adopt import adopt
from training.adapters.install import install
from training.dataset.workspace import Workspace, open_workspace
from training.store.lineage import read_adapter_authors

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

CONFIG, WEIGHTS, PICKLED = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
PREFIX = "base_model.model.model.layers.0.self_attn.q_proj.lora_"

# as PEFT 0.3 wrote it for Chinese-Vicuna and its kin
OLD = {
    "base_model_name_or_path": "someone/llama-7b-hf",
    "bias": "none",
    "enable_lora": None,
    "fan_in_fan_out": False,
    "inference_mode": True,
    "init_lora_weights": True,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "merge_weights": False,
    "modules_to_save": None,
    "peft_type": "LORA",
    "r": 4,
    "target_modules": ["q_proj", "v_proj", "down_proj"],
    "task_type": "CAUSAL_LM",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def plain(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_adapter(tmp_path_factory.mktemp("adapter"), base)


@pytest.fixture
def foreign(plain: Path, tmp_path: Path) -> Path:
    """A copy of a good adapter, to change."""
    return Path(shutil.copytree(plain, tmp_path / "foreign"))


@pytest.fixture
def desk(base: Path, tmp_path: Path) -> Workspace:
    folder = tmp_path / "personas/mara"
    folder.mkdir(parents=True)
    (folder / "persona.toml").touch()
    (folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    (tmp_path / "config.toml").write_text(f'[model]\nname = "{base}"\ntemplate = "chatml"\ncontext = 512\n')
    return open_workspace(config.load_config(tmp_path / "config.toml", {}), folder)


def logits(base: Path, adapter: Path) -> torch.Tensor:
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter)
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor([[1, 300, 301, 302]])).logits
    return found


def edit(folder: Path, **changes: Any) -> None:
    told = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(told | changes))


def old(folder: Path) -> None:
    """As it was written in 2023: settings of that time, and a pickle."""
    (folder / CONFIG).write_text(json.dumps(OLD))
    torch.save(load_file(folder / WEIGHTS), folder / PICKLED)
    (folder / WEIGHTS).unlink()


def renamed(folder: Path) -> None:
    """With an adapter's name in the tensors' names, and without PEFT's prefix."""
    held = load_file(folder / WEIGHTS)
    save_file(
        {name[17:].replace(".weight", ".default.weight"): values for name, values in held.items()},
        folder / WEIGHTS,
    )


def doubled(folder: Path) -> None:
    save_file({n: values.double() for n, values in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)


GOOD: dict[str, Callable[[Path], None]] = {
    "as PEFT writes it today": lambda folder: None,
    "Chinese-Vicuna's and CuteGPT's pickle": old,
    "other names": renamed,
    "double precision": doubled,
    "modules by a pattern": lambda folder: edit(folder, target_modules=".*(q_proj|v_proj|down_proj)"),
    "settings of training": lambda folder: edit(
        folder,
        runtime_config={"ephemeral_gpu_offload": False},
        auto_mapping={"base_model_class": "Other", "parent_library": "other_module"},
        eva_config={"rho": 2.0},
        init_lora_weights="eva",
    ),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_foreign_adapter_does_what_it_did(
    kind: str, desk: Workspace, base: Path, plain: Path, foreign: Path
) -> None:
    GOOD[kind](foreign)
    before = {path.name: path.read_bytes() for path in foreign.iterdir()}
    adopted = adopt(desk, foreign)
    assert load_persona(desk.folder).adapter == adopted.home
    torch.testing.assert_close(logits(base, adopted.home), logits(base, plain))
    assert {path.name: path.read_bytes() for path in foreign.iterdir()} == before
    assert sorted(path.name for path in adopted.home.iterdir()) == [CONFIG, WEIGHTS, "manifest.json"]
    assert {path.name for path in desk.folder.glob("adapter*")} == {"adapter", "adapter.lock"}
    assert b"other_module" not in (adopted.home / CONFIG).read_bytes()


def test_its_lineage_says_adopted_and_only_its_base_is_compared(desk: Workspace, foreign: Path) -> None:
    old(foreign)
    home = adopt(desk, foreign).home
    manifest = json.loads((home / "manifest.json").read_text())
    assert manifest["lineage"] == {"authors": [], "adopted": "someone/llama-7b-hf"}
    assert list(read_adapter_authors(desk.folder)) == [(home / "manifest.json", frozenset())]
    assert not manifest.keys() & {"layout", "system", "speakers", "bursts", "stop_ids", "stop", "template"}


def test_one_of_our_own_is_accepted_under_another_card(desk: Workspace, plain: Path, tmp_path: Path) -> None:
    """The way out that a refusal names; whose words are in it stays known."""
    home = install(desk, plain, {"rank": 4}, inherited=["a" * 32])
    (desk.folder / "card.json").write_text(json.dumps({"name": "Mara", "description": "New."}))
    changed = open_workspace(config.load_config(tmp_path / "config.toml", {}), desk.folder)
    reader = open_prompt_format(changed.persona, changed.model.tokenizer, changed.settings.model, 0)
    served = prompt_contract(changed.persona, reader, changed.settings.chat.system_prompt)
    with pytest.raises(UserError, match=r"another card or system text.*training adopt"):
        check_contract(changed.persona, served)
    adopt(changed, home)
    check_contract(changed.persona, served)
    manifest = json.loads((home / "manifest.json").read_text())
    assert manifest["lineage"]["authors"] == ["a" * 32]
    assert manifest["run"] == {"rank": 4}


# What is refused, with the reason; the adapter in use stays.


class Canary:
    """Unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def malicious(folder: Path) -> None:
    """A pickle with os.system, beside tensors, in the archive that torch writes."""
    held: dict[str, Any] = dict(load_file(folder / WEIGHTS))
    torch.save(held | {"canary": Canary(f"touch {folder.parent / 'canary'}")}, folder / PICKLED)
    (folder / WEIGHTS).unlink()


def bare(folder: Path) -> None:
    (folder / PICKLED).write_bytes(pickle.dumps(Canary(f"touch {folder.parent / 'canary'}")))
    (folder / WEIGHTS).unlink()


def legacy(folder: Path) -> None:
    """As torch wrote before 2020, without an archive around it."""
    torch.save(
        {"x": Canary(f"touch {folder.parent / 'canary'}")},
        folder / PICKLED,
        _use_new_zipfile_serialization=False,
    )
    (folder / WEIGHTS).unlink()


def whole_model(folder: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), folder / PICKLED)
    (folder / WEIGHTS).unlink()


def pickled(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        held: dict[str, Any] = dict(load_file(folder / WEIGHTS))
        torch.save(change(held), folder / PICKLED)
        (folder / WEIGHTS).unlink()

    return spoil


def bomb(folder: Path) -> None:
    """An archive whose one entry unpacks to a thousand times its size."""
    (folder / WEIGHTS).unlink()
    with zipfile.ZipFile(folder / PICKLED, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(50_000_000))


def sparse(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / PICKLED).touch()
    os.truncate(folder / PICKLED, 1 << 40)


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        held = load_file(folder / WEIGHTS)
        change(held)
        save_file(held, folder / WEIGHTS)

    return spoil


def cut(folder: Path) -> None:
    os.truncate(folder / WEIGHTS, 2000)


def long_header(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", 1 << 62) + b"{}")


def view(held: dict[str, Any]) -> dict[str, Any]:
    """A tensor of 64 TB in a few bytes."""
    return held | {f"{PREFIX}A.weight": torch.zeros(1).expand(1 << 22, 1 << 22)}


NOT_TENSORS = "holds more than tensors, or is damaged; save it in safetensors format where it comes from"
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a pickle that runs a command": (malicious, NOT_TENSORS),
    "a bare pickle that does": (bare, "is not an archive as torch writes it"),
    "an old one that does": (legacy, "is not an archive as torch writes it"),
    "a pickled module": (whole_model, NOT_TENSORS),
    "a pickled list": (pickled(lambda held: list(held.values())), "is not a table of plain tensors"),
    "pickled numbers": (pickled(lambda held: held | {"epoch": 3}), "is not a table of plain tensors"),
    "a pickled view without an end": (pickled(view), "is not a table of plain tensors"),
    "a pickle without tensors": (pickled(lambda held: {}), "it holds no matrices"),
    "an archive that unpacks to more": (bomb, "unpacks to more than it is"),
    "a file of a terabyte": (sparse, "has more than 4 GB"),
    "DoRA": (lambda folder: edit(folder, use_dora=True), "its setting use_dora is not one that is served"),
    "vectors of DoRA": (
        tensors(lambda held: held.update({f"{PREFIX}magnitude_vector": torch.zeros(64)})),
        "not half of a LoRA matrix pair; DoRA is not served",
    ),
    "whole modules": (
        lambda folder: edit(folder, modules_to_save=["lm_head"]),
        "its setting modules_to_save is not one that is served",
    ),
    "a whole embedding": (
        tensors(lambda held: held.update({"base_model.model.lm_head.weight": torch.zeros(2, 2)})),
        "not half of a LoRA matrix pair; whole layers",
    ),
    "an unknown setting": (lambda folder: edit(folder, use_magic=1), "its setting use_magic is not one"),
    "PiSSA": (lambda folder: edit(folder, init_lora_weights="pissa"), "training changed the base model"),
    "another base model": (
        tensors(lambda held: held.update({f"{PREFIX}A.weight": torch.zeros(4, 128)})),
        "its shapes do not match the base model",
    ),
    "a module that is not there": (
        tensors(lambda held: held.update({f"x.lora_{half}.weight": torch.ones(4, 4) for half in "AB"})),
        "adapts a module that the base model does not have",
    ),
    "half a pair": (
        tensors(lambda held: held.pop(f"{PREFIX}A.weight")),
        "half of a LoRA matrix pair is missing",
    ),
    "no numbers": (
        tensors(lambda held: held[f"{PREFIX}A.weight"].fill_(float("nan"))),
        "values that are not numbers",
    ),
    "cut weights": (cut, "cannot be read as safetensors"),
    "a header without an end": (long_header, "cannot be read as safetensors"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "adapter_model.safetensors is missing"),
    "no settings": (lambda folder: (folder / CONFIG).unlink(), "adapter_config.json is missing"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_plain_adapter_is_refused_and_nothing_runs(
    kind: str, desk: Workspace, plain: Path, foreign: Path
) -> None:
    home = install(desk, plain, {})
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    spoil, reason = BAD[kind]
    spoil(foreign)
    with pytest.raises(UserError, match=reason):
        adopt(desk, foreign)
    assert not (foreign.parent / "canary").exists()
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
    assert {path.name for path in desk.folder.glob("adapter*")} == {"adapter", "adapter.lock"}


def test_the_malicious_pickle_would_have_run(foreign: Path) -> None:
    """Or the tests above would show nothing."""
    malicious(foreign)
    torch.load(foreign / PICKLED, weights_only=False)
    assert (foreign.parent / "canary").exists()


def test_the_command_says_what_it_did(
    desk: Workspace, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old(foreign)
    told = ("--config", str(tmp_path / "config.toml"), "adopt", "--persona", "mara")
    assert main([*told, str(foreign)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"mara has the adapter of {foreign} in {desk.folder / 'adapter'}",
        "it was made for someone/llama-7b-hf",
        "what it was trained with, other than its base model, is not known and not compared",
        "Next: python -m bot chat --persona mara, or /persona reload where the bot is running",
    ]
    assert main([*told, str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == (
        f"training: There is no folder {tmp_path / 'nowhere'}: name the one that holds adapter_config.json.\n"
    )
