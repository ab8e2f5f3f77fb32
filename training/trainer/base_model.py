"""The base model for training: found as the bot finds it, measured before it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.nn import Linear4bit
from transformers import AutoConfig, AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.checkpoint.source import LOCAL_ONLY
from bot.engine.lora import registry
from bot.engine.model_loader import loader
from bot.engine.model_loader.loader import LoadPlan
from bot.engine.model_loader.quantization import best_device, dtype_of
from bot.engine.runtime import cpu_threads
from bot.persona.training_options import TrainingOptions
from training.planning.resources import ModelSizes


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model whose files are here. `layers` are the endings of linear layers' names, but the head's."""

    plan: LoadPlan
    settings: ModelSettings
    sizes: ModelSizes
    layers: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.plan.source.name

    def load(self) -> Any:
        """The frozen model; raises `UserError`."""
        cpu_threads.set_threads(self.settings.threads)
        loaded = loader.load_weights(self.plan, self.settings)
        for module in loaded.modules():
            if isinstance(module, Linear4bit):
                module.support_avx512bf16_for_cpu = False  # it would repack them, and then pass no gradient
        return loaded


def device_of(settings: ModelSettings, wishes: TrainingOptions) -> str:
    """Where training is to be."""
    return wishes.device or (settings.device if settings.device != "auto" else best_device())


def find_base_model(
    settings: ModelSettings, wishes: TrainingOptions, device: str, data: Path, say: Callable[[str], None]
) -> BaseModel:
    """Find it, in the precision that serves it and that the device computes in; raises `UserError`."""
    settings = settings.model_copy(update={"device": device})
    wish = wishes.precision or ("auto" if settings.precision == "fp16" else settings.precision)
    found = loader.plan_load(settings.model_copy(update={"precision": wish}), data, say)
    if not wishes.precision and found.precision in ("bf16", "fp16") and not _computes(device):
        found = loader.plan_load(settings.model_copy(update={"precision": "fp32"}), data, say)
    settings = settings.model_copy(update={"precision": found.precision})
    sizes, layers = _look(found)
    return BaseModel(found, settings, sizes, layers)


def _computes(device: str) -> bool:
    """Whether a device computes in bfloat16 by itself, so that training in it is faster and loses nothing."""
    return dtype_of(None, device) == torch.bfloat16


def _look(found: LoadPlan) -> tuple[ModelSizes, tuple[str, ...]]:
    """The model's sizes, without reading its weights."""
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(found.folder, **LOCAL_ONLY))
    head = empty.get_output_embeddings()
    linear = registry.linear_layers(empty)
    shapes = {name: size for name, size in registry.linear_shapes(empty).items() if linear[name] is not head}
    ends = (name if (end := name.rpartition(".")[2]).isdecimal() else end for name in shapes)
    return ModelSizes(sum(each.numel() for each in empty.parameters()), shapes), tuple(dict.fromkeys(ends))
