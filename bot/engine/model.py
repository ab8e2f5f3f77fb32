"""The base model: found, converted once where needed, loaded in a fitting precision, never with its code."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine import adapters
from bot.engine.adapter_files import Base
from bot.engine.conversion import Progress, convert
from bot.engine.copies import copy_of
from bot.engine.environment import prepare
from bot.engine.precision import (
    Precision,
    best_device,
    best_precision,
    check_quantised,
    dtype_of,
    quantised,
    stored_precision,
)
from bot.engine.source import LOCAL, Source, context_of, download, fingerprint, locate, read_config
from bot.engine.tokenizer import HFTokenizer


@dataclass(frozen=True, slots=True)
class Plan:
    """A base model whose files are on this machine, and how it will be loaded."""

    source: Source
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
class Loaded:
    """A base model that answers. `context` is in tokens, of prompt and answer together."""

    model: Any
    tokenizer: HFTokenizer
    name: str
    fingerprint: str
    precision: Precision
    dtype: str
    device: str
    context: int

    @property
    def base(self) -> Base:
        """What adapters must match."""
        return Base(self.name, self.fingerprint, adapters.linear_shapes(self.model))


def plan(settings: ModelSettings, data: Path, progress: Progress) -> Plan:
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
    found = Plan(source, fingerprint(source), precision, device)
    if source.kind == "folder":
        return replace(found, precision=stored_precision(source, settings) or precision)
    models = data / "models"
    copy = copy_of(models, found.fingerprint, precision) or convert(
        source.path, found.fingerprint, precision, device, models, progress
    )
    return replace(found, copy=copy)


def load(found: Plan, settings: ModelSettings, tokenizer: HFTokenizer) -> Loaded:
    """Load the weights; raises `UserError` when the files or the memory do not suffice."""
    model = AutoModelForCausalLM.from_pretrained(found.folder, **LOCAL, **_how(found, settings)).eval()
    model.requires_grad_(False)
    check_quantised(model, found.precision)
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        name=found.source.name,
        fingerprint=found.fingerprint,
        precision=found.precision,
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(model.get_input_embeddings().weight.device),
        context=context_of(found.folder, settings.context),
    )


def linear_shapes(found: Plan | nn.Module) -> dict[str, tuple[int, int]]:
    """The (out, in) sizes of every linear layer, of a model's files without reading its weights."""
    if isinstance(found, nn.Module):
        return adapters.linear_shapes(found)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(found.folder, **LOCAL))
    return adapters.linear_shapes(model)


def _how(found: Plan, settings: ModelSettings) -> dict[str, Any]:
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
