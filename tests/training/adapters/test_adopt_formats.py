"""Adapters of other libraries and other classes of the base model are adopted, and do what they did."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from bot.engine.model_loader.adapter_check import open_adapter_check
from bot.errors import UserError
from tests.bot.engine.lora.made_adapters import save_adapter
from tests.bot.engine.lora.wrapped_models import save_text_model, save_wrapper
from tests.fakes import families
from tests.fixtures.adapter_workspace import make_workspace
from tests.fixtures.foreign_adapters import CONFIG, PICKLED, WEIGHTS, edit
from training.adapters.adopt import adopt_adapter
from training.dataset.workspace import Workspace

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

IDS = [[1, 300, 301, 302]]
PREFIX = "base_model.model."


def peft_logits(base: Path, adapter: Path) -> torch.Tensor:
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor(IDS)).logits
    return found


def as_mlx(folder: Path, parameters: dict[str, Any], **settings: Any) -> None:
    """Write a PEFT adapter of scale 4 as mlx_lm.lora does."""
    held = load_file(folder / WEIGHTS)
    renamed = {
        name.removeprefix(PREFIX)
        .replace(".lora_A.weight", ".lora_a")
        .replace(".lora_B.weight", ".lora_b"): values
        for name, values in held.items()
    }
    save_file(
        {name: values.T.contiguous() for name, values in renamed.items()}, folder / "adapters.safetensors"
    )
    (folder / WEIGHTS).unlink()
    told = {
        "model": "mlx-community/some-4bit",
        "num_layers": 2,
        "batch_size": 4,
        "lora_parameters": parameters,
    }
    (folder / CONFIG).write_text(json.dumps(told | settings))


def mlx(folder: Path) -> None:
    as_mlx(
        folder, {"rank": 4, "scale": 4.0, "dropout": 0.0, "keys": ["self_attn.q_proj"]}, fine_tune_type="lora"
    )


def early_mlx(folder: Path) -> None:
    """Of 2024: the scale is multiplied by alpha / rank."""
    as_mlx(folder, {"rank": 4, "alpha": 16, "scale": 1.0, "dropout": 0.0})


def torchtune(folder: Path) -> None:
    """Five settings are all that it writes; its pickle has PEFT's names."""
    told = {
        "r": 4,
        "lora_alpha": 16,
        "target_modules": ["q_proj", "v_proj", "down_proj"],
        "peft_type": "LORA",
    }
    (folder / CONFIG).write_text(json.dumps(told))
    torch.save(load_file(folder / WEIGHTS), folder / PICKLED)
    (folder / WEIGHTS).unlink()


def compiled(folder: Path) -> None:
    held = load_file(folder / WEIGHTS)
    save_file(
        {name.replace(PREFIX, f"{PREFIX}_orig_mod."): values for name, values in held.items()},
        folder / WEIGHTS,
    )


def patterns(folder: Path) -> None:
    """huggingface/peft#1744, vllm-project/vllm#9275."""
    module = {"base_model_class": "Other", "parent_library": "other_module"}
    edit(folder, task_type=None, auto_mapping=module, target_modules="(a+)+$", layers_pattern="(a+)+$")


def of_layers(folder: Path) -> None:
    edit(
        folder, rank_pattern={"^model.layers.0.self_attn.q_proj": 4}, alpha_pattern={".*layers.1.*q_proj": 16}
    )


FORMATS: dict[str, Callable[[Path], None]] = {
    "MLX": mlx,
    "early MLX": early_mlx,
    "torchtune": torchtune,
    "torch.compile": compiled,
    "patterns that nobody searches": patterns,
    "patterns of ranks and alphas": of_layers,
}


@pytest.mark.parametrize("kind", FORMATS)
def test_an_adapter_of_another_library_does_what_it_did(
    kind: str, workspace: Workspace, base: Path, plain: Path, foreign: Path
) -> None:
    FORMATS[kind](foreign)
    home = adopt_adapter(workspace, foreign).home
    torch.testing.assert_close(peft_logits(base, home), peft_logits(base, plain))
    written = json.loads((home / CONFIG).read_text())
    assert (written["r"], written["lora_alpha"], written["rank_pattern"], written["alpha_pattern"]) == (
        4,
        16,
        {},
        {},
    )
    assert all(name.startswith("model.layers.") for name in written["target_modules"])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"fine_tune_type": "dora"}, "it is a DoRA of MLX.*mlx_lm.fuse"),
        ({"fine_tune_type": "full"}, "it holds whole layers, trained by MLX.*mlx_lm.fuse"),
        ({"lora_parameters": {"rank": 4}}, "its settings name no scale"),
        ({"lora_parameters": [4]}, "its settings name no scale"),
        ({"lora_parameters": {"scale": True}}, "its settings name no scale"),
        ({"lora_parameters": {"scale": 0}}, "its lora_alpha is not a positive number"),
    ],
)
def test_what_is_no_lora_of_mlx_is_refused(
    workspace: Workspace, foreign: Path, settings: dict[str, Any], reason: str
) -> None:
    mlx(foreign)
    edit(foreign, **settings)
    with pytest.raises(UserError, match=reason):
        adopt_adapter(workspace, foreign)


@pytest.mark.parametrize("spoil", [mlx, torchtune])
def test_serving_names_the_command_that_takes_it(
    workspace: Workspace, foreign: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(foreign)
    check = open_adapter_check(workspace.settings.model, workspace.settings.data)
    with pytest.raises(UserError, match="`python -m training adopt DIR --persona NAME` takes it"):
        check.check_adapter("mara", foreign)


def test_an_adapter_with_a_name_is_found_in_its_folder(
    workspace: Workspace, base: Path, plain: Path, tmp_path: Path
) -> None:
    """PEFT's `save_pretrained` makes a folder for each adapter that is not called "default"."""
    shutil.copytree(plain, tmp_path / "saved/mara")
    home = adopt_adapter(workspace, tmp_path / "saved").home
    torch.testing.assert_close(peft_logits(base, home), peft_logits(base, plain))
    shutil.copytree(plain, tmp_path / "saved/ozzo")
    with pytest.raises(UserError, match=r"holds several adapters \(mara, ozzo\): name the folder of one"):
        adopt_adapter(workspace, tmp_path / "saved")


def test_copies_of_the_base_model_are_left_behind(workspace: Workspace, base: Path, tmp_path: Path) -> None:
    """huggingface/peft#2092: PEFT saves lm_head.base_layer.weight beside the pair of the head."""
    made = save_adapter(
        AutoModelForCausalLM.from_pretrained(base), tmp_path / "made", target_modules=["q_proj", "lm_head"]
    )
    home = adopt_adapter(workspace, made).home
    torch.testing.assert_close(peft_logits(base, home), peft_logits(base, made))
    assert sorted(load_file(home / WEIGHTS)) == sorted(
        name for name in load_file(made / WEIGHTS) if "base_layer" not in name
    )


def test_an_adapter_of_a_wrapper_becomes_one_of_the_text_model(tmp_path: Path) -> None:
    """vllm-project/vllm#34186, #48019."""
    wrapper = save_wrapper("gemma3", tmp_path / "wrapper")
    base = save_text_model(wrapper, "gemma3", tmp_path / "base")
    made = save_adapter(AutoModelForImageTextToText.from_pretrained(wrapper), tmp_path / "made")
    whole = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(wrapper), made)
    with torch.inference_mode():
        theirs = whole(input_ids=torch.tensor(IDS)).logits
    home = adopt_adapter(make_workspace(tmp_path, base), made).home
    torch.testing.assert_close(peft_logits(base, home), theirs)


def test_an_adapter_of_separate_layers_becomes_one_of_the_fused_layer(tmp_path: Path) -> None:
    """vllm-project/vllm#4915: Phi-3 has qkv_proj; the pairs of q and v become one of twice the rank."""
    base = families.save("phi3", tmp_path / "base")
    fused = save_adapter(
        AutoModelForCausalLM.from_pretrained(base), tmp_path / "fused", target_modules=["qkv_proj"]
    )
    held = dict[str, torch.Tensor]()
    for name, values in load_file(fused / WEIGHTS).items():
        for part, rows in (("q_proj", slice(0, 64)), ("v_proj", slice(96, 128))):
            held[name.replace("qkv_proj", part)] = (values[rows] if "lora_B" in name else values).clone()
    apart = tmp_path / "apart"
    apart.mkdir()
    save_file(held, apart / WEIGHTS)
    (apart / CONFIG).write_bytes((fused / CONFIG).read_bytes())
    edit(apart, target_modules=["q_proj", "v_proj"])
    without_keys = load_file(fused / WEIGHTS)
    for name, values in without_keys.items():
        if "lora_B" in name:
            values[64:96] = 0
    save_file(without_keys, fused / WEIGHTS)
    home = adopt_adapter(make_workspace(tmp_path, base), apart).home
    torch.testing.assert_close(peft_logits(base, home), peft_logits(base, fused))
    assert json.loads((home / CONFIG).read_text())["r"] == 8
