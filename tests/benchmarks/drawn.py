"""Adapters of random numbers on all linear layers of a block, in PEFT's own format."""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from tests.benchmarks.rivals import base

RANK = 16
MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_WEIGHTS = "adapter_model.safetensors"


def adapters(data: Path, count: int) -> list[Path]:
    """The folders of so many adapters of rank 16 in bfloat16; those that are there already are kept."""
    folders = [data / "benchmark" / f"adapter-{number:03}" for number in range(count)]
    template = data / "benchmark" / "template"
    if not (template / _WEIGHTS).exists():
        _save_template(template, data)
    for number, folder in enumerate(folders):
        if not (folder / _WEIGHTS).exists():
            _draw(folder, template, number)
    return folders


def size(folder: Path) -> int:
    """Bytes of an adapter's weights on disk."""
    return (folder / _WEIGHTS).stat().st_size


def _save_template(template: Path, data: Path) -> None:
    """One that PEFT makes itself, of a model of the right shape without the right weights."""
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base(data, "bf16").folder))
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=list(MODULES), task_type="CAUSAL_LM")
    get_peft_model(model.to(torch.bfloat16), config, autocast_adapter_dtype=False).save_pretrained(template)


def _draw(folder: Path, template: Path, number: int) -> None:
    """The same settings and names with other numbers, the weights last: they say that it is whole."""
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns(_WEIGHTS), dirs_exist_ok=True)
    rng = torch.Generator().manual_seed(number)
    with safe_open(template / _WEIGHTS, "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    drawn = {name: 0.02 * torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    new = folder / "new"
    save_file({name: tensor.bfloat16() for name, tensor in drawn.items()}, new, {"format": "pt"})
    new.rename(folder / _WEIGHTS)
