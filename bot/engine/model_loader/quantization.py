"""In which precision a base model is loaded, on which device, and whether it really was."""

import importlib
from typing import Any, Literal

import torch
import transformers
from torch import nn

from bot.config import ModelSettings
from bot.engine.checkpoint.source import ModelSource, read_model_config
from bot.engine.kernels import matmul
from bot.engine.lora import registry
from bot.errors import UserError

Precision = Literal["nf4", "int8", "bf16", "fp16", "fp32"]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
NF4_PARAMETERS = 10**9  # models above lose little in nf4; SmolLM2-135M loses a third of its perplexity


def best_device() -> str:
    """Where a model goes that nobody placed."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def best_precision(source: ModelSource, device: str) -> Precision:
    """nf4 for large models, else 16 bits where the device computes in them or has a kernel for them."""
    if _parameters(source) > NF4_PARAMETERS:
        return "nf4"
    return "bf16" if dtype_of(None, device) == torch.bfloat16 or matmul.has_half(device) else "fp32"


def stored_precision(source: ModelSource, settings: ModelSettings) -> Precision | None:
    """The precision of a folder that was quantised before, or None for plain weights."""
    assert source.path is not None
    stored = read_model_config(source.path).get("quantization_config")
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


def dtype_of(precision: Precision | None, device: str) -> torch.dtype:
    """What a precision computes in; for quantised ones bf16 where the hardware has it, else what is safe."""
    if precision in DTYPES:
        return DTYPES[precision]
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native or device not in ("cpu",) else torch.float32


def quantisation_config(precision: Precision, dtype: torch.dtype) -> Any | None:
    """How transformers is told to quantise, or None for a precision that is plain."""
    if precision in ("nf4", "int8"):
        _import_bitsandbytes()
    if precision == "nf4":
        return transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    return transformers.BitsAndBytesConfig(load_in_8bit=True) if precision == "int8" else None


def check_quantised(model: nn.Module, precision: Precision) -> None:
    """A library that silently skips quantisation would give a model of noise, or one that does not fit."""
    if precision not in ("nf4", "int8"):
        return
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    wanted = Linear4bit if precision == "nf4" else Linear8bitLt
    layers = registry.linear_layers(model).values()
    plain = [layer for layer in layers if not isinstance(layer, wanted)]
    if len(plain) == len(layers) or any(not layer.weight.is_floating_point() for layer in plain):  # type: ignore[operator]
        raise UserError(
            f"The base model could not be loaded in {precision}: choose another [model] precision."
        )


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


def _parameters(source: ModelSource) -> float:
    """Roughly how many parameters a model has, by the size of its files."""
    assert source.path is not None
    if source.kind == "gguf":
        return source.path.stat().st_size / 0.6
    return sum(file.stat().st_size for file in source.path.glob("*.safetensors")) / 2
