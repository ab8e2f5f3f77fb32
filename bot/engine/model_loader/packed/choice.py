"""The choice of the models that are served packed: by device, settings and files."""

from pathlib import Path
from typing import Any

from transformers import AutoConfig

from bot.config import ModelSettings
from bot.engine.checkpoint.damage import explained_damage
from bot.engine.checkpoint.families import refusal_of
from bot.engine.checkpoint.gguf.gguf_file import is_served_gguf
from bot.engine.checkpoint.source import LOCAL_ONLY, ModelSource, read_model_config
from bot.engine.model_loader.packed.layout import FolderLayout, plan_layout
from bot.engine.model_loader.quantization import Precision, best_device, multiplies_packed
from bot.engine.model_loader.weight_check import check_sizes
from bot.errors import UserError


def stays_packed(source: ModelSource, settings: ModelSettings, device: str) -> bool:
    """Return whether a model is served as its GGUF file holds it."""
    if source.kind != "gguf" or source.path is None or settings.precision != "auto":
        return False
    return multiplies_packed(settings, device) and is_served_gguf(source.path)


def serves_as_it_lies(source: ModelSource, settings: ModelSettings) -> bool:
    """Return whether a GGUF file is served without a converted copy on the device of the settings."""
    return stays_packed(source, settings, settings.device if settings.device != "auto" else best_device())


def choose_layout(
    source: ModelSource, settings: ModelSettings, precision: Precision, device: str
) -> FolderLayout | None:
    """Return the layout of a folder that is served packed; None for a model that is not."""
    if source.kind != "folder" or source.path is None or precision not in ("nf4", "int8"):
        return None
    if not multiplies_packed(settings, device):
        return None
    config = read_folder_config(source.path, source.name)
    check_sizes(config, source.path)
    return plan_layout(source.path, config, precision)


def read_folder_config(folder: Path, name: str) -> Any:
    """Return the configuration of a folder; raises `UserError` where it names weights, also by an alias."""
    if reason := refusal_of(str(read_model_config(folder).get("model_type"))):
        raise UserError(f"The model in {name} cannot be served: {reason}.")
    with explained_damage(str(folder / "config.json")):
        config = AutoConfig.from_pretrained(folder, **LOCAL_ONLY)
    if getattr(config, "transformers_weights", None) is not None:
        raise UserError(f"The model in {name} names weights of its own: copy the folder again.")
    return config
