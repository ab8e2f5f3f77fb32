"""The base model for training: found as the bot finds it, with its sizes known before it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.nn import Linear4bit

from bot.config import ModelSettings
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader import load_plan, loader
from bot.engine.model_loader.load_failure import load_explained
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.quantization import best_device, dtype_of
from bot.engine.runtime import cpu_threads
from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from training.planning.recipe import Recipe
from training.planning.training_memory import KeptBytes, ModelSizes
from training.trainer.kept_bytes import count_kept_bytes
from training.trainer.model_sizes import read_sizes


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model on disk. `layers` are the last parts of its linear layers' names, without the head's."""

    plan: LoadPlan
    settings: ModelSettings
    sizes: ModelSizes
    layers: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.plan.source.name

    @property
    def identity(self) -> BaseModelIdentity:
        """The identity that adapters must match."""
        return BaseModelIdentity(self.name, self.plan.fingerprint, self.sizes.linear, self.plan.source)

    def kept_bytes(self, recipe: Recipe) -> KeptBytes:
        """Return what a layer keeps for the backward pass with an adapter of this recipe."""
        config = loader.meta_model(self.plan).config
        return count_kept_bytes(config, dtype_of(self.plan.precision, self.plan.device), recipe)

    def load(self) -> Any:
        """Load the frozen model; raises `UserError`."""
        cpu_threads.set_threads(self.settings.threads)
        model = load_explained(self.plan, self.settings)
        for module in model.modules():
            if isinstance(module, Linear4bit):  # bitsandbytes 0.50 repacks for AVX-512 without gradients
                module.support_avx512bf16_for_cpu = False
        return model


def training_device(settings: ModelSettings, options: TrainingOptions) -> str:
    """Return the device that persona.toml or the settings name, else the fastest one."""
    names = (options.device, settings.device)
    return next((name for name in names if name not in (None, "auto")), None) or best_device()


def find_base_model(
    settings: ModelSettings, options: TrainingOptions, device: str, data: Path, say: Callable[[str], None]
) -> BaseModel:
    """Find the base model in the precision that serves it and that the device computes in.

    Weights that would be served in 16 bits are trained in fp32 on a device that does not compute in bfloat16,
    unless persona.toml sets `precision`. Raises `UserError`.
    """
    settings = settings.model_copy(update={"device": device})
    precision = options.precision or ("auto" if settings.precision == "fp16" else settings.precision)
    found = load_plan.plan_load(settings.model_copy(update={"precision": precision}), data, say)
    if not options.precision and found.precision in ("bf16", "fp16") and not _computes_bf16(device):
        found = load_plan.plan_load(settings.model_copy(update={"precision": "fp32"}), data, say)
    settings = settings.model_copy(update={"precision": found.precision})
    _refuse_wrapper(found)
    sizes = read_sizes(found)
    return BaseModel(found, settings, sizes, _layer_names(sizes))


def _refuse_wrapper(found: LoadPlan) -> None:
    """Raise `UserError` for a model that also reads images: only the text model inside it could be packed."""
    config = loader.meta_model(found).config
    if config is not config.get_text_config():
        raise UserError(
            f"The base model {found.source.name} ({config.model_type}) also reads images, and training takes "
            "models of text alone: set [model] name to a copy of its text model. An adapter that was trained "
            "elsewhere is served on either of them; `python -m training adopt` installs it."
        )


def _computes_bf16(device: str) -> bool:
    """Tell whether a device computes in bfloat16 natively, which is faster there and as good."""
    return dtype_of(None, device) == torch.bfloat16


def _layer_names(sizes: ModelSizes) -> tuple[str, ...]:
    """Return the last parts of the linear layers' names, each once."""
    ends = (name if (end := name.rpartition(".")[2]).isdecimal() else end for name in sizes.linear)
    return tuple(dict.fromkeys(ends))
