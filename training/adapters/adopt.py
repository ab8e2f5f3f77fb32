"""The command `adopt`: a foreign PEFT adapter, checked, rewritten and installed as a persona's own."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
from training.adapters.install import install_from
from training.adapters.manifest import AdapterOrigin, authors_of
from training.adapters.pickled import PICKLED, read_pickled
from training.dataset.workspace import Workspace
from training.runs import canary_guard
from training.store.indented_json import encode_indented

MAX_BYTES = 4 << 30
_DRAFT = "adapter.foreign"
_NAME = re.compile(r"(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight")
_KEPT = ("peft_type", "task_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "bias")
# settings of a finished training, and of the ways in which libraries find or place modules
_DROPPED = (
    *("auto_mapping", "runtime_config", "eva_config", "layers_pattern", "layers_to_transform", "revision"),
    *("exclude_modules", "target_modules", "merge_weights", "ensure_weight_tying", "tokenizer_kwargs"),
)


@dataclass(frozen=True, slots=True)
class AdoptedAdapter:
    """The folder of an adopted adapter, and the base model that its config names."""

    home: Path
    base: str


def adopt_adapter(workspace: Workspace, folder: Path) -> AdoptedAdapter:
    """Install the PEFT adapter in a folder as the persona's; raises `UserError` that names its fault.

    No code of the adapter is run, and the persona's folder is not changed before the adapter has passed every
    check of the bot. The prompts it was trained with are not known, so that its manifest pins the base model
    alone.
    """
    canary_guard.refuse_canary_adapter(folder, workspace.work)
    draft = workspace.folder / _DRAFT
    try:
        shutil.rmtree(draft, ignore_errors=True)
        base = _convert(folder, draft)
        origin = AdapterOrigin(read_manifest(folder).run or {}, authors_of(folder), adopted=base)
        return AdoptedAdapter(install_from(workspace, draft, origin), base)
    except RefusedFile as refused:
        raise UserError(f"The adapter in {folder} is refused: {refused.reason}; {refused.remedy}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _convert(folder: Path, draft: Path) -> str:
    """Write an adapter as the bot reads one; return the name of its base model."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: name the one that holds {CONFIG}.")
    folder = folder.resolve()
    config = read_json(folder, CONFIG, CONFIG_BYTES)
    tensors = _rename_tensors(_read_tensors(folder))
    modules = sorted({name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in tensors})
    kept = {key: config[key] for key in _KEPT if key in config}
    kept |= {"target_modules": modules, "task_type": "CAUSAL_LM"}
    parsed = parse_config({key: value for key, value in config.items() if key not in _DROPPED} | kept)
    write_private(draft / CONFIG, [encode_indented(kept)])
    write_private(draft / WEIGHTS, [save(tensors)])
    return parsed.base


def _read_tensors(folder: Path) -> Mapping[str, Tensor]:
    if not (folder / WEIGHTS).exists() and (folder / PICKLED).exists():
        return read_pickled(folder)
    with open_regular(folder, WEIGHTS) as file:
        if file.seek(0, 2) > MAX_BYTES:
            raise RefusedFile(f"{WEIGHTS} has more than {MAX_BYTES >> 30} GB", "use a plain LoRA adapter")
    try:
        return load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise RefusedFile(f"{WEIGHTS} cannot be read as safetensors", "copy or export it again") from error


def _rename_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the matrices under the names that PEFT 0.21 writes, in a dtype that the engine serves."""
    named = dict[str, Tensor]()
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise RefusedFile("it holds a tensor that is not half of a LoRA matrix pair", _remedy(tensors))
        served = tensor.dtype in (torch.float32, torch.float16, torch.bfloat16)
        named[f"base_model.model.{match[1]}.lora_{match[2]}.weight"] = tensor if served else tensor.float()
    if not named:
        raise RefusedFile("it holds no matrices", "save it again with a newer version of PEFT")
    return named


def _remedy(tensors: Mapping[str, Tensor]) -> str:
    if any("magnitude" in name for name in tensors):
        return "DoRA is not served: merge it into its base model where it was trained, or train a plain LoRA"
    return "whole layers and embeddings are not served: train a plain LoRA adapter"
