"""The command `adopt`: a foreign LoRA adapter, checked, rewritten and installed as a persona's own."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from bot.adapter.files import CONFIG, CONFIG_BYTES, WEIGHTS
from bot.adapter.manifest import SpeakerNames, read_manifest, trained_names
from bot.engine.lora.config import parse_config
from bot.engine.lora.registry import load_adapter
from bot.engine.lora.settings_check import is_mlx
from bot.engine.lora.validation import BaseModelIdentity, validate_adapter
from bot.engine.model_loader.adapter_check import open_adapter_check
from bot.errors import UserError
from bot.files import write_private
from bot.untrusted import RefusedFile, read_json
from training.adapters.install import install_from
from training.adapters.manifest import AdapterOrigin, authors_of
from training.adapters.mlx import read_mlx
from training.adapters.peft_folder import write_peft_folder
from training.adapters.pickled import PICKLED, read_pickled
from training.dataset.workspace import Workspace
from training.runs import canary_guard
from training.store.indented_json import encode_indented

_DRAFT, _READ = "adapter.foreign", "adapter.foreign.read"


@dataclass(frozen=True, slots=True)
class AdoptedAdapter:
    """The folder of an adopted adapter, the base model that its config names, and its rule for names."""

    home: Path
    base: str
    names: SpeakerNames


def adopt_adapter(workspace: Workspace, folder: Path, names: SpeakerNames | None = None) -> AdoptedAdapter:
    """Install the LoRA adapter in a folder as the persona's; raises `UserError` that names its fault.

    No code of the adapter is run, and the persona's folder is not changed before the adapter has passed every
    check of the bot. The prompts it was trained with are not known, so that its manifest pins the base model
    and, of the prompts, speakers' names alone: those that `names` or its manifest says, else "groups", since
    other projects write no names before a single person's words.
    """
    folder = _find_adapter(folder)
    canary_guard.refuse_canary_adapter(folder, workspace.work)
    drafts = workspace.folder / _DRAFT, workspace.folder / _READ
    try:
        _remove(*drafts)
        check = open_adapter_check(workspace.settings.model, workspace.settings.data)
        base = _convert(folder.resolve(), *drafts, check.base)
        before = read_manifest(folder)
        rule = names or trained_names(before) or "groups"
        origin = AdapterOrigin(before.run or {}, authors_of(folder), adopted=base, names=rule)
        return AdoptedAdapter(install_from(workspace, drafts[0], origin, check), base, rule)
    except RefusedFile as refused:
        raise UserError(f"The adapter in {folder} is refused: {refused.reason}; {refused.remedy}.") from None
    finally:
        _remove(*drafts)


def _find_adapter(folder: Path) -> Path:
    """Return the folder of the adapter: this one, or the one inside that PEFT makes for a named adapter.

    Raises `UserError` without one, or with several.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: name the one that holds {CONFIG}.")
    inside = sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))
    if (folder / CONFIG).exists() or not inside:
        return folder
    if len(inside) > 1:
        names = ", ".join(path.name for path in inside[:10])
        raise UserError(f"{folder} holds several adapters ({names}): name the folder of one of them.")
    return inside[0]


def _convert(folder: Path, draft: Path, read: Path, base: BaseModelIdentity) -> str:
    """Write an adapter as training writes one; return the name of the base model that it was made for.

    `read` is a folder for the adapter as PEFT has it, where its file is of another format.
    """
    config = read_json(folder, CONFIG, CONFIG_BYTES)
    if is_mlx(config):
        folder = _write(read, *read_mlx(folder, config))
    elif not (folder / WEIGHTS).exists() and (folder / PICKLED).exists():
        folder = _write(read, config, read_pickled(folder))
    adapter = load_adapter("adopted", validate_adapter(folder, base, pinned=False))
    write_peft_folder(adapter, draft, base.name)
    return parse_config(read_json(folder, CONFIG, CONFIG_BYTES)).base


def _write(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
    write_private(folder / CONFIG, [encode_indented(config)])
    write_private(folder / WEIGHTS, [save(dict(tensors))])
    return folder


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
