"""Adapters of others are checked and written anew, and do what they did."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from bot import config
from bot.adapter.manifest import SpeakerNames
from bot.engine.model_loader.adapter_check import open_adapter_check
from bot.errors import UserError
from bot.message import Author, Message, Place
from bot.persona.persona import load_persona
from bot.prompt.builder import build_prompt, open_prompt_format
from bot.prompt.contract import check_contract, prompt_contract
from tests.fixtures.foreign_adapters import CONFIG, PICKLED, WEIGHTS, edit
from training.__main__ import main
from training.adapters.adopt import adopt_adapter
from training.adapters.install import install_adapter
from training.dataset.workspace import Workspace, open_workspace
from training.store.lineage import read_adapter_authors

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


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


def logits(base: Path, adapter: Path) -> torch.Tensor:
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter)
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor([[1, 300, 301, 302]])).logits
    return found


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
    kind: str, workspace: Workspace, base: Path, plain: Path, foreign: Path
) -> None:
    GOOD[kind](foreign)
    before = {path.name: path.read_bytes() for path in foreign.iterdir()}
    adopted = adopt_adapter(workspace, foreign)
    assert load_persona(workspace.folder).adapter == adopted.home
    torch.testing.assert_close(logits(base, adopted.home), logits(base, plain))
    assert {path.name: path.read_bytes() for path in foreign.iterdir()} == before
    assert sorted(path.name for path in adopted.home.iterdir()) == [CONFIG, WEIGHTS, "manifest.json"]
    assert {path.name for path in workspace.folder.glob("adapter*")} == {"adapter", "adapter.lock"}
    assert b"other_module" not in (adopted.home / CONFIG).read_bytes()


def test_its_lineage_says_adopted_and_only_its_base_is_compared(workspace: Workspace, foreign: Path) -> None:
    old(foreign)
    home = adopt_adapter(workspace, foreign).home
    manifest = json.loads((home / "manifest.json").read_text())
    assert manifest["lineage"] == {"authors": [], "adopted": "someone/llama-7b-hf"}
    assert list(read_adapter_authors(workspace.folder)) == [(home / "manifest.json", frozenset())]
    assert manifest["names"] == "groups"
    assert not manifest.keys() & {"layout", "system", "speakers", "bursts", "stop_ids", "stop", "template"}


@pytest.mark.parametrize(
    ("names", "before", "expected"),
    [
        (None, {}, "groups"),
        ("never", {}, "never"),
        (None, {"names": "never"}, "never"),
        ("always", {"names": "never"}, "always"),
        (None, {"speakers": [["user", "Ana: 1"]]}, "always"),
    ],
    ids=["guessed", "told", "adopted before", "told otherwise", "our own of an earlier version"],
)
def test_its_rule_for_speakers_names_is_told_kept_or_guessed(
    workspace: Workspace,
    foreign: Path,
    names: SpeakerNames | None,
    before: dict[str, object],
    expected: SpeakerNames,
) -> None:
    (foreign / "manifest.json").write_text(json.dumps(before))
    adopted = adopt_adapter(workspace, foreign, names=names)
    assert adopted.names == json.loads((adopted.home / "manifest.json").read_text())["names"] == expected


def test_it_reads_what_its_training_read_where_the_persona_says_otherwise(
    workspace: Workspace, foreign: Path, tmp_path: Path
) -> None:
    """Of the persona's file it needs the template alone."""
    (workspace.folder / "persona.toml").write_text('template = "cutegpt"')
    card = {"name": "CuteGPT", "system_prompt": "给定任务描述，请给出对应请求的回答。"}
    (workspace.folder / "card.json").write_text(json.dumps(card, ensure_ascii=False), "utf-8")
    adopt_adapter(workspace, foreign)
    persona, settings = load_persona(workspace.folder), workspace.settings
    choice = open_adapter_check(settings.model, settings.data).check_persona(
        persona, settings.model, settings.chat.system_prompt
    )
    served, tokenizer = persona.served_with(choice), workspace.model.tokenizer
    asked = Message(Place("test", "bot", "room"), "1", Author("ana", "User"), "请推荐三座灯塔", 0.0)
    reader = open_prompt_format(served, tokenizer, settings.model, 4000)
    prompt = build_prompt(served, [asked], reader, system_prompt=settings.chat.system_prompt)
    assert tokenizer.decode(list(prompt.ids)) == (
        "给定任务描述，请给出对应请求的回答。\n问：请推荐三座灯塔\n答："
    )


def test_our_own_is_accepted_under_another_card(workspace: Workspace, plain: Path, tmp_path: Path) -> None:
    """The way out that a refusal names; whose words are in it stays known."""
    home = install_adapter(workspace, plain, {"rank": 4}, inherited=["a" * 32])
    (workspace.folder / "card.json").write_text(json.dumps({"name": "Mara", "description": "New."}))
    changed = open_workspace(config.load_config(tmp_path / "config.toml", {}), workspace.folder)
    reader = open_prompt_format(changed.persona, changed.model.tokenizer, changed.settings.model, 0)
    served = prompt_contract(changed.persona, reader, changed.settings.chat.system_prompt)
    with pytest.raises(UserError, match=r"another card or system text.*training adopt"):
        check_contract(changed.persona, served)
    adopt_adapter(changed, home)
    check_contract(changed.persona, served)
    manifest = json.loads((home / "manifest.json").read_text())
    assert manifest["lineage"]["authors"] == ["a" * 32]
    assert manifest["run"] == {"rank": 4}


def test_the_command_says_what_it_did(
    workspace: Workspace, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old(foreign)
    told = ("--config", str(tmp_path / "config.toml"), "adopt", "--persona", "mara")
    assert main([*told, str(foreign)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"mara has the adapter of {foreign} in {workspace.folder / 'adapter'}",
        "it was made for someone/llama-7b-hf",
        "what it was trained with, other than its base model, is not known and not compared",
        "its prompts have speakers' names where several people speak, and else none (--names groups)",
        "Next: python -m bot chat --persona mara, or /persona reload where the bot is running",
    ]
    assert main([*told, str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == (
        f"training: There is no folder {tmp_path / 'nowhere'}: name the one that holds adapter_config.json, "
        "the file of its weights, or OWNER/NAME on the hub.\n"
    )
