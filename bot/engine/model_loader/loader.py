"""Loading of the base model: find its files, convert them once where needed, never run code of theirs."""

from ctypes import CDLL
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.checkpoint.converted import find_converted
from bot.engine.checkpoint.source import (
    LOCAL_ONLY,
    ModelSource,
    context_length,
    download_model,
    locate_model,
    model_fingerprint,
    read_model_config,
)
from bot.engine.kernels import matmul
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.gguf import Progress, convert_gguf
from bot.engine.model_loader.quantization import (
    Precision,
    best_device,
    best_precision,
    check_quantised,
    dtype_of,
    quantisation_config,
    stored_precision,
)
from bot.engine.runtime.environment import prepare_environment
from bot.engine.tokenizer.tokenizer import HFTokenizer

MIN_CACHE_BYTES, MAX_CACHE_BYTES = 512 << 20, 4 << 30  # of keys and values, without [model] cache


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A base model whose files are on this machine, and the precision and device to load it in."""

    source: ModelSource
    fingerprint: str  # SHA-256, see `model_fingerprint`
    precision: Precision
    device: str
    converted: Path | None = None  # the safetensors copy of a GGUF file, in this precision

    @property
    def folder(self) -> Path:
        """The folder of config.json and weights."""
        assert self.source.path is not None
        return self.converted or self.source.path


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A base model ready for batches. `model` is the patched one of transformers, for `runner`."""

    model: Any
    runner: ModelRunner
    tokenizer: HFTokenizer
    source: ModelSource
    fingerprint: str
    precision: Precision
    dtype: str
    device: str
    context: int  # tokens, of prompt and answer together
    cache_bytes: int  # the most that keys and values may take
    bytes: int  # of the weights

    @property
    def base(self) -> BaseModelIdentity:
        """The identity that adapters must match."""
        return BaseModelIdentity(self.source.name, self.fingerprint, self.runner.shapes, self.source)


def plan_load(settings: ModelSettings, data: Path, progress: Progress) -> LoadPlan:
    """Find the model or fetch it from the hub, and convert a GGUF file once; raises `UserError`.

    `data` is the folder of converted copies; `progress` is called with the stages.
    """
    prepare_environment()
    _silence_libraries()
    source = locate_model(settings)
    if source.kind == "hub":
        progress("fetching the base model (once)")
        source = download_model(source)
    assert source.path is not None
    device = settings.device if settings.device != "auto" else best_device()
    precision = settings.precision if settings.precision != "auto" else best_precision(source, device)
    plan = LoadPlan(source, model_fingerprint(source), precision, device)
    if source.kind == "folder":
        return replace(plan, precision=stored_precision(source, settings) or precision)
    models = data / "models"
    converted = find_converted(models, plan.fingerprint, precision) or convert_gguf(
        source.path, plan.fingerprint, precision, device, models, progress
    )
    return replace(plan, converted=converted)


def load_weights(plan: LoadPlan, settings: ModelSettings) -> Any:
    """Return the model of transformers, frozen; raises `UserError` where its precision is not the plan's."""
    arguments = _load_arguments(plan, settings)
    model = AutoModelForCausalLM.from_pretrained(plan.folder, **LOCAL_ONLY, **arguments).eval()
    model.requires_grad_(False)
    check_quantised(model, plan.precision)
    return model


def load_model(
    plan: LoadPlan, settings: ModelSettings, tokenizer: HFTokenizer, library: CDLL | None = None
) -> LoadedModel:
    """Load the model and patch it for batches; raises `UserError` when it cannot be served.

    `library`: operations in C for a model on the CPU, from `compiler.open_library`.
    """
    model = load_weights(plan, settings)
    context = context_length(plan.folder, settings.context)
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    runner = ModelRunner(model, plan.source.name, context, settings.compile, library)
    return LoadedModel(
        model=model,
        runner=runner,
        tokenizer=tokenizer,
        source=plan.source,
        fingerprint=plan.fingerprint,
        precision=plan.precision,
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(runner.device),
        context=context,
        cache_bytes=(settings.cache << 20) or _default_cache_bytes(runner.device),
        bytes=weights,
    )


def meta_model(plan: LoadPlan) -> Any:
    """Return the model of a plan's config.json on torch's meta device, without its weights."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(plan.folder, **LOCAL_ONLY))


def _default_cache_bytes(device: torch.device) -> int:
    """Return a quarter of the device's free memory, within bounds."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else matmul.available_memory()
    return max(MIN_CACHE_BYTES, min(MAX_CACHE_BYTES, free // 4))


def _load_arguments(plan: LoadPlan, settings: ModelSettings) -> dict[str, Any]:
    """Return arguments for from_pretrained. Without a device map, stored int8 weights would become plain."""
    dtype = dtype_of(plan.precision, plan.device)
    stored = "quantization_config" in read_model_config(plan.folder)
    all_gpus = settings.device == "auto" and plan.device == "cuda"
    quantisation = quantisation_config(plan.precision, dtype)
    arguments = {"dtype": dtype, "device_map": "auto" if all_gpus else {"": plan.device}}
    if quantisation and not stored:
        arguments["quantization_config"] = quantisation
    return arguments


def _silence_libraries() -> None:
    """Turn off progress bars over the terminal, and advice from transformers."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
