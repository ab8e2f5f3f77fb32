"""The base model: found, converted once where needed, loaded in a fitting precision, never with its code."""

import importlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from bot.config import ModelSettings
from bot.engine import adapters
from bot.engine.adapter_files import Base
from bot.engine.copies import copy_of, make_copy
from bot.engine.environment import prepare
from bot.engine.source import Source, context_of, download, fingerprint, locate, read_config
from bot.engine.tokenizer import HFTokenizer
from bot.errors import UserError

Precision = Literal["nf4", "int8", "bf16", "fp16", "fp32"]
Progress = Callable[[str], None]

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
LARGE = 1_000_000_000  # parameters from which nf4 costs little; SmolLM2-135M loses a third of its perplexity
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


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
    source = locate(settings)
    if source.kind == "hub":
        progress("fetching the base model (once)")
        source = download(source)
    assert source.path is not None
    device = settings.device if settings.device != "auto" else _best_device()
    precision = settings.precision if settings.precision != "auto" else _best_precision(source, device)
    found = Plan(source, fingerprint(source), precision, device)
    if source.kind == "folder":
        return replace(found, precision=_stored_precision(source, settings) or precision)
    copy = copy_of(data / "models", found.fingerprint, precision)
    return replace(found, copy=copy or _convert(found, data / "models", progress))


def read_tokenizer(found: Plan) -> HFTokenizer:
    """The model's tokenizer; a converted copy's is read without transformers."""
    ends = _ends(found.folder)
    if found.copy is not None:
        named = json.loads((found.copy / "special.json").read_text("utf-8"))
        definition = (found.copy / "tokenizer.json").read_text("utf-8")
        return HFTokenizer(definition, named["special"], named["template"], ends | set(named["end"]))
    return wrap_tokenizer(AutoTokenizer.from_pretrained(found.folder, **_LOCAL), ends)


def wrap_tokenizer(tokenizer: Any, ends: frozenset[int] = frozenset()) -> HFTokenizer:
    """A transformers tokenizer as prompts need it, with more ends of text. Slow ones raise `UserError`."""
    if not getattr(tokenizer, "is_fast", False):
        raise UserError("The base model has no fast tokenizer (tokenizer.json): choose a model that has one.")
    named = tokenizer.special_tokens_map.items()
    special = {key: str(value) for key, value in named if not isinstance(value, list | tuple)}
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    own = {tokenizer.eos_token_id} - {None}
    return HFTokenizer(tokenizer.backend_tokenizer.to_str(), special, template, ends | own)


def load(found: Plan, settings: ModelSettings, tokenizer: HFTokenizer) -> Loaded:
    """Load the weights; raises `UserError` when the files or the memory do not suffice."""
    _quiet()
    model = AutoModelForCausalLM.from_pretrained(found.folder, **_LOCAL, **_how(found, settings)).eval()
    model.requires_grad_(False)
    _check_quantised(model, found.precision)
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
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(found.folder, **_LOCAL))
    return adapters.linear_shapes(model)


def quantised(precision: Precision, dtype: torch.dtype) -> Any | None:
    """How transformers is told to quantise, or None for a precision that is plain."""
    if precision in ("nf4", "int8"):
        _import_bitsandbytes()
    if precision == "nf4":
        return transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    return transformers.BitsAndBytesConfig(load_in_8bit=True) if precision == "int8" else None


def _import_bitsandbytes() -> None:
    """Import it with `torch.compile` doing nothing.

    It compiles, while it is imported, fallbacks for devices that have no kernels of its own. That loads all
    of torch's compiler, a second or two of every start, for functions that no supported device calls.
    """
    compile_ = torch.compile
    torch.compile = lambda function=None, **how: function or (lambda plain: plain)  # type: ignore[assignment]
    try:
        importlib.import_module("bitsandbytes")
    finally:
        torch.compile = compile_


def _how(found: Plan, settings: ModelSettings) -> dict[str, Any]:
    """Arguments for from_pretrained. Without a device map, stored int8 weights become plain numbers."""
    dtype = DTYPES.get(found.precision) or _compute_dtype(found.device)
    stored = "quantization_config" in read_config(found.folder)
    spread = settings.device == "auto" and found.device == "cuda"
    quantisation = quantised(found.precision, dtype)
    how = {"dtype": dtype, "device_map": "auto" if spread else {"": found.device}}
    if quantisation and not stored:
        how["quantization_config"] = quantisation
    return how


def _convert(found: Plan, models: Path, progress: Progress) -> Path:
    """Turn a GGUF file into a folder that loads fast. nf4 layers that were used once are saved wrongly."""
    assert found.source.path is not None
    file = found.source.path
    dtype = DTYPES.get(found.precision) or _compute_dtype(found.device)
    _quiet()
    progress("reading the tokenizer of the base model (once)")
    origin: dict[str, Any] = {"gguf_file": file.name, **_LOCAL}
    tokenizer = AutoTokenizer.from_pretrained(file.parent, **origin)
    progress("converting the base model (once)")
    plain = transformers.GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, dtype=dtype, quantization_config=plain, **origin
    )

    def write(folder: Path) -> None:
        nonlocal model
        model.save_pretrained(folder)
        model = None
        if how := quantised(found.precision, dtype):
            progress("quantising the base model (once)")
            place = {"": found.device}
            small = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, quantization_config=how, device_map=place, **_LOCAL
            )
            _check_quantised(small, found.precision)
            small.save_pretrained(folder)
        _write_tokenizer(folder, wrap_tokenizer(tokenizer))

    return make_copy(models, found.fingerprint, found.precision, write)


def _write_tokenizer(folder: Path, tokenizer: HFTokenizer) -> None:
    named = {"special": tokenizer.special, "template": tokenizer.template, "end": sorted(tokenizer.end)}
    (folder / "special.json").write_text(json.dumps(named), "utf-8")
    (folder / "tokenizer.json").write_text(tokenizer.definition, "utf-8")


def _ends(folder: Path) -> frozenset[int]:
    """The ids that end a text, by the model's own configuration."""
    ends: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        with suppress(OSError, ValueError):
            value = json.loads((folder / name).read_text("utf-8")).get("eos_token_id")
            ends |= set(value) if isinstance(value, list) else {value} - {None}
    return frozenset(ends)


def _stored_precision(source: Source, settings: ModelSettings) -> Precision | None:
    """The precision of a folder that was quantised before, or None for plain weights."""
    assert source.path is not None
    stored = read_config(source.path).get("quantization_config")
    if not isinstance(stored, dict):
        return None
    if stored.get("quant_method") != "bitsandbytes":
        raise UserError(
            f"{source.name} is quantised in a way that is not served here: use plain safetensors or GGUF."
        )
    precision: Precision = "nf4" if stored.get("load_in_4bit") else "int8"
    if settings.precision not in ("auto", precision):
        raise UserError(
            f'{source.name} is stored in {precision}: set [model] precision to "auto" or "{precision}".'
        )
    return precision


def _check_quantised(model: nn.Module, precision: Precision) -> None:
    """A library that silently skips quantisation would give a model of noise, or one that does not fit."""
    if precision not in ("nf4", "int8"):
        return
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    wanted = Linear4bit if precision == "nf4" else Linear8bitLt
    layers = adapters.linear_layers(model).values()
    plain = [layer for layer in layers if not isinstance(layer, wanted)]
    if len(plain) == len(layers) or any(not layer.weight.is_floating_point() for layer in plain):  # type: ignore[operator]
        raise UserError(
            f"The base model could not be loaded in {precision}: choose another [model] precision."
        )


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _best_precision(source: Source, device: str) -> Precision:
    if _parameters(source) > LARGE:
        return "nf4"
    return "bf16" if _compute_dtype(device) == torch.bfloat16 else "fp32"


def _parameters(source: Source) -> float:
    """Roughly how many parameters a model has, by the size of its files."""
    assert source.path is not None
    if source.kind == "gguf":
        return source.path.stat().st_size / 0.6
    return sum(file.stat().st_size for file in source.path.glob("*.safetensors")) / 2


def _compute_dtype(device: str) -> torch.dtype:
    """bf16 where the hardware computes in it, else what is safe there."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native or device not in ("cpu",) else torch.float32


def _quiet() -> None:
    """No progress bars over the terminal, and no advice from libraries."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
