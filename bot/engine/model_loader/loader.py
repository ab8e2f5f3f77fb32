"""The base model: found, converted once where needed, loaded in a fitting precision, never with its code."""

from ctypes import CDLL
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.checkpoint.converted import find_copy
from bot.engine.checkpoint.source import (
    LOCAL,
    ModelSource,
    context_of,
    download,
    fingerprint,
    locate,
    read_config,
)
from bot.engine.kernels import matmul
from bot.engine.lora import registry
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.gguf import Progress, convert
from bot.engine.model_loader.quantization import (
    Precision,
    best_device,
    best_precision,
    check_quantised,
    dtype_of,
    quantised,
    stored_precision,
)
from bot.engine.runtime.environment import prepare
from bot.engine.tokenizer.tokenizer import HFTokenizer

LEAST_CACHE, MOST_CACHE = 512 << 20, 4 << 30  # bytes for keys and values that nobody set


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A base model whose files are on this machine, and how it will be loaded."""

    source: ModelSource
    fingerprint: str
    precision: Precision
    device: str
    copy: Path | None = None  # of a GGUF file, in the wanted precision

    @property
    def folder(self) -> Path:
        """Where config.json is."""
        assert self.source.path is not None
        return self.copy or self.source.path


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A base model that answers. `context` is in tokens, of prompt and answer together.

    `cache_bytes` is the most that keys and values may take, `bytes` what loading the weights took.
    """

    model: Any
    decoder: ModelRunner
    tokenizer: HFTokenizer
    source: ModelSource
    fingerprint: str
    precision: Precision
    dtype: str
    device: str
    context: int
    cache_bytes: int
    bytes: int

    @property
    def base(self) -> BaseModelIdentity:
        """What adapters must match."""
        return BaseModelIdentity(self.source.name, self.fingerprint, self.decoder.shapes, self.source)


def plan(settings: ModelSettings, data: Path, progress: Progress) -> LoadPlan:
    """Find the model, or fetch it, and make a GGUF file's converted copy; raises `UserError`."""
    prepare()
    _quiet()
    source = locate(settings)
    if source.kind == "hub":
        progress("fetching the base model (once)")
        source = download(source)
    assert source.path is not None
    device = settings.device if settings.device != "auto" else best_device()
    precision = settings.precision if settings.precision != "auto" else best_precision(source, device)
    found = LoadPlan(source, fingerprint(source), precision, device)
    if source.kind == "folder":
        return replace(found, precision=stored_precision(source, settings) or precision)
    models = data / "models"
    copy = find_copy(models, found.fingerprint, precision) or convert(
        source.path, found.fingerprint, precision, device, models, progress
    )
    return replace(found, copy=copy)


def weights(found: LoadPlan, settings: ModelSettings) -> Any:
    """The model as transformers has it; raises `UserError` where it is not in the wanted precision."""
    model = AutoModelForCausalLM.from_pretrained(found.folder, **LOCAL, **_how(found, settings)).eval()
    model.requires_grad_(False)
    check_quantised(model, found.precision)
    return model


def load(
    found: LoadPlan, settings: ModelSettings, tokenizer: HFTokenizer, library: CDLL | None = None
) -> LoadedModel:
    """The model rebuilt for batches; raises `UserError` when it cannot be served.

    `library`: operations of our own for a model on the CPU, from `compiler.compiled`.
    """
    model = weights(found, settings)
    context = context_of(found.folder, settings.context)
    size = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    decoder = ModelRunner(model, found.source.name, context, settings.compile, library)
    return LoadedModel(
        model=model,
        decoder=decoder,
        tokenizer=tokenizer,
        source=found.source,
        fingerprint=found.fingerprint,
        precision=found.precision,
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(decoder.device),
        context=context,
        cache_bytes=(settings.cache << 20) or _cache_bytes(decoder.device),
        bytes=size,
    )


def _cache_bytes(device: torch.device) -> int:
    """A quarter of the memory that is free where the model is, within bounds."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else matmul.available()
    return max(LEAST_CACHE, min(MOST_CACHE, free // 4))


def linear_shapes(found: LoadPlan | nn.Module) -> dict[str, tuple[int, int]]:
    """The (out, in) sizes of every linear layer, of a model's files without reading its weights."""
    if isinstance(found, nn.Module):
        return registry.linear_shapes(found)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(found.folder, **LOCAL))
    return registry.linear_shapes(model)


def _how(found: LoadPlan, settings: ModelSettings) -> dict[str, Any]:
    """Arguments for from_pretrained. Without a device map, stored int8 weights become plain numbers."""
    dtype = dtype_of(found.precision, found.device)
    stored = "quantization_config" in read_config(found.folder)
    spread = settings.device == "auto" and found.device == "cuda"
    quantisation = quantised(found.precision, dtype)
    how = {"dtype": dtype, "device_map": "auto" if spread else {"": found.device}}
    if quantisation and not stored:
        how["quantization_config"] = quantisation
    return how


def _quiet() -> None:
    """No progress bars over the terminal, and no advice from libraries."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
