"""An adapter from elsewhere as a folder of PEFT's two files; nothing of it is run."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bot.adapter.files import CONFIG, CONFIG_BYTES, MANIFEST, MANIFEST_BYTES, WEIGHTS
from bot.engine.lora.refusals import RETRAIN
from bot.engine.lora.settings_check import is_mlx
from bot.engine.lora.weights import PICKLED
from bot.files import write_private
from bot.untrusted import RefusedFile, open_regular, read_json
from training.adapters.mlx import rewrite_mlx
from training.adapters.pickled import MAX_BYTES, read_pickled
from training.adapters.source import AdapterSource
from training.store.indented_json import encode_indented

_CHECKPOINT_BYTES = 256 << 30  # of a file of which the matrices alone are read
# parts of a module's name that are no layer of the base model alone: what training puts beside LoRA
_TRAINED = ("lora_", "modules_to_save", "trainable_tokens", "vera_", "ia3_", "hada_", "oft_")
_PREFIX = "base_model.model."
_SETTING = r"\b{}\s*=\s*['\"]?([^'\",\s)]+)"
_SHOWN = 3  # names of tensors in a message

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConfigGaps:
    """A config that lies elsewhere, and the lora_alpha of an adapter that has no config."""

    config: Path | None = None
    alpha: float | None = None


@dataclass(frozen=True, slots=True)
class ForeignAdapter:
    """A folder with PEFT's two files, the folder they come from, and the names of tensors left out."""

    folder: Path
    origin: Path
    left_out: tuple[str, ...] = ()

    def left_out_line(self) -> str:
        """Return a line about the tensors that were left out, or ""."""
        if not self.left_out:
            return ""
        more = ", ..." if len(self.left_out) > _SHOWN else ""
        return (
            f"left out: {len(self.left_out):,} tensors of the base model that the checkpoint holds beside "
            f"the adapter ({', '.join(self.left_out[:_SHOWN])}{more})"
        )


def read_foreign_adapter(source: AdapterSource, draft: Path, alpha: float | None = None) -> ForeignAdapter:
    """Return the adapter as PEFT has it: its own folder, or `draft`, which is written.

    `alpha` is the lora_alpha of an adapter without a config. Raises `RefusedFile`.
    """
    if source.is_in_place and not is_mlx(read_json(source.folder, CONFIG, CONFIG_BYTES)):
        return ForeignAdapter(source.folder, source.folder)
    tensors, left_out, settings = _read_tensors(source)
    config = _read_config(source)
    if config is None:
        config, tensors = _guess(tensors, alpha, settings)
    elif is_mlx(config):
        config, tensors = rewrite_mlx(config, tensors)
    elif source.is_checkpoint:
        tensors = _named_as_peft(tensors)
    write_private(draft / CONFIG, [encode_indented(config)])
    write_private(draft / WEIGHTS, [save(_unshared(tensors))])
    _copy_manifest(source, draft)
    return ForeignAdapter(draft, source.folder, left_out)


def _read_config(source: AdapterSource) -> Json | None:
    if source.config is None:
        return None
    root = source.root if source.config.parent == source.folder else None
    return read_json(source.config.parent, source.config.name, CONFIG_BYTES, root)


def _copy_manifest(source: AdapterSource, draft: Path) -> None:
    """Copy the manifest, which says whose words the adapter holds."""
    if (source.folder / MANIFEST).exists():
        manifest = read_json(source.folder, MANIFEST, MANIFEST_BYTES, source.root)
        write_private(draft / MANIFEST, [encode_indented(manifest)])


def _read_tensors(source: AdapterSource) -> tuple[dict[str, Tensor], tuple[str, ...], str]:
    """Return the adapter's tensors, the names of the base model's own, and the settings beside them."""
    path, settings = source.weights, ""
    if not source.is_checkpoint and path.name == PICKLED:
        return read_pickled(path, root=source.root)[0], (), ""
    if path.suffix.lower() == ".safetensors":
        tensors = _read_safetensors(source)
        names = list(tensors)
    else:
        tensors, table = read_pickled(path, _CHECKPOINT_BYTES, _is_trained, source.root)
        names, settings = list(table.stored), table.settings
    if source.is_checkpoint:
        tensors = {name: values for name, values in tensors.items() if _is_trained(name)}
    if source.is_checkpoint and not tensors:
        raise RefusedFile(f"{path.name} holds no LoRA matrices", "name the checkpoint of a LoRA training")
    return tensors, tuple(name for name in names if name not in tensors), settings


def _is_trained(name: str) -> bool:
    return any(part in name for part in _TRAINED)


def _read_safetensors(source: AdapterSource) -> dict[str, Tensor]:
    path = source.weights
    with open_regular(path.parent, path.name, source.root) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise RefusedFile(f"{path.name} has more than {MAX_BYTES >> 30} GB", RETRAIN)
    try:
        return dict(load(content))
    except SafetensorError as error:
        raise RefusedFile(f"{path.name} cannot be read as safetensors", "copy or export it again") from error


def _named_as_peft(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with the name of a wrapper around PEFT's model (xtuner's `llm`) taken off."""
    renamed = dict[str, Tensor]()
    for name, values in tensors.items():
        new = _peft_name(name)
        if new in renamed:
            raise RefusedFile("it holds a LoRA matrix twice, as several adapters in one file do", RETRAIN)
        renamed[new] = values
    return renamed


def _peft_name(name: str) -> str:
    module, _, half = name.rpartition(_PREFIX)[2].rpartition(".lora_")
    side, _, end = half.partition(".")
    is_half = module and side in ("A", "B") and (end == "weight" or end.endswith(".weight"))
    return f"{_PREFIX}{module}.lora_{side}.weight" if is_half else name


def _guess(
    tensors: Mapping[str, Tensor], alpha: float | None, settings: str
) -> tuple[Json, dict[str, Tensor]]:
    """Return a config from the shapes of the matrices, and the tensors by PEFT's names.

    The strength is in no shape: it comes from `alpha`, else from the trainer's settings.
    """
    named = _named_as_peft(tensors)
    ranks = {
        name.removeprefix(_PREFIX).removesuffix(".lora_A.weight"): len(values)
        for name, values in named.items()
        if name.endswith(".lora_A.weight") and values.ndim == 2
    }
    if not ranks:
        raise RefusedFile(f"{CONFIG} is missing, and it holds no LoRA matrices", RETRAIN)
    rank = Counter(ranks.values()).most_common(1)[0][0]
    strength = float(alpha) if alpha else _number(_setting(settings, "lora_alpha"))
    if not strength:
        raise RefusedFile(
            f"{CONFIG} is missing, and shapes tell its rank ({rank}) and layers but not its strength",
            "give `python -m training adopt` its config with --adapter-config FILE, or its lora_alpha with "
            f"--alpha (often {2 * rank})",
        )
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": _setting(settings, "pretrained_model_name_or_path"),
        "r": rank,
        "lora_alpha": int(strength) if strength.is_integer() else strength,
        "rank_pattern": {module: each for module, each in ranks.items() if each != rank},
        "target_modules": sorted(ranks),
    }
    return config, named


def _setting(settings: str, key: str) -> str:
    """Return a value in the text of mmengine's settings, or "" without one."""
    found = re.search(_SETTING.format(key), settings)
    return found[1] if found else ""


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors that share no numbers, as a file of safetensors has them."""
    seen, unshared = set[int](), dict[str, Tensor]()
    for name, values in tensors.items():
        unshared[name] = values.clone() if id(values) in seen else values.contiguous()
        seen.add(id(values))
    return unshared
