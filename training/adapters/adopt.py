"""The command `adopt`: an adapter that somebody else made, checked and written anew for the bot."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from bot.adapter.files import CONFIG, CONFIG_BYTES, WEIGHTS
from bot.adapter.manifest import read_manifest
from bot.engine.lora.config import parse_config
from bot.errors import UserError
from bot.files import write_private
from bot.untrusted import RefusedFile, open_regular, read_json
from training.adapters.install import put
from training.adapters.manifest import Origin, authors_of
from training.adapters.pickled import PICKLED, read_pickled
from training.dataset.workspace import Workspace
from training.runs import canary_guard

MOST_BYTES = 4 << 30
_DRAFT = "adapter.foreign"
_NAME = re.compile(r"(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight")
_KEPT = ("peft_type", "task_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "bias")
# settings of a training that is over, and of how libraries were to find or to place the modules
_DROPPED = (
    *("auto_mapping", "runtime_config", "eva_config", "layers_pattern", "layers_to_transform", "revision"),
    *("exclude_modules", "target_modules", "merge_weights", "ensure_weight_tying", "tokenizer_kwargs"),
)


@dataclass(frozen=True, slots=True)
class Adopted:
    """Where the adapter is now, and the base model that it names."""

    home: Path
    base: str


def adopt(desk: Workspace, folder: Path) -> Adopted:
    """Install the PEFT adapter in a folder as the persona's; raises `UserError` with what is wrong with it.

    Nothing of it is run, and nothing of the persona's is changed before it has passed every check that the
    bot makes. What it was trained with is not known, so that its manifest pins the base model alone.
    """
    canary_guard.refuse_canary_adapter(folder, desk.work)
    draft = desk.folder / _DRAFT
    try:
        shutil.rmtree(draft, ignore_errors=True)
        base = _convert(folder, draft)
        origin = Origin(read_manifest(folder).run or {}, authors_of(folder), adopted=base)
        return Adopted(put(desk, draft, origin), base)
    except RefusedFile as refused:
        raise UserError(f"The adapter in {folder} is refused: {refused.reason}; {refused.remedy}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _convert(folder: Path, draft: Path) -> str:
    """Write an adapter as the bot reads it; returns the name of its base model."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: name the one that holds {CONFIG}.")
    folder = folder.resolve()
    told = read_json(folder, CONFIG, CONFIG_BYTES)
    tensors = _plainly_named(_read_tensors(folder))
    modules = sorted({name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in tensors})
    config = {key: told[key] for key in _KEPT if key in told}
    config |= {"target_modules": modules, "task_type": "CAUSAL_LM"}
    parsed = parse_config({key: value for key, value in told.items() if key not in _DROPPED} | config)
    write_private(draft / CONFIG, [msgspec.json.format(msgspec.json.encode(config), indent=1)])
    write_private(draft / WEIGHTS, [save(tensors)])
    return parsed.base


def _read_tensors(folder: Path) -> Mapping[str, Tensor]:
    if not (folder / WEIGHTS).exists() and (folder / PICKLED).exists():
        return read_pickled(folder)
    with open_regular(folder, WEIGHTS) as file:
        if file.seek(0, 2) > MOST_BYTES:
            raise RefusedFile(f"{WEIGHTS} has more than {MOST_BYTES >> 30} GB", "use a plain LoRA adapter")
    try:
        return load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise RefusedFile(f"{WEIGHTS} cannot be read as safetensors", "copy or export it again") from error


def _plainly_named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The matrices under the names that PEFT writes today, in a type that is served."""
    named = dict[str, Tensor]()
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise RefusedFile("it holds a tensor that is not half of a LoRA matrix pair", _why(tensors))
        served = tensor.dtype in (torch.float32, torch.float16, torch.bfloat16)
        named[f"base_model.model.{match[1]}.lora_{match[2]}.weight"] = tensor if served else tensor.float()
    if not named:
        raise RefusedFile("it holds no matrices", "save it again with a newer version of PEFT")
    return named


def _why(tensors: Mapping[str, Tensor]) -> str:
    if any("magnitude" in name for name in tensors):
        return "DoRA is not served: merge it into its base model where it was trained, or train a plain LoRA"
    return "whole layers and embeddings are not served: train a plain LoRA adapter"
