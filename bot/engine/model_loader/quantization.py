"""Precision and device of a base model: defaults, settings of transformers, and a check of the result."""

from typing import Any, Literal

import torch
from torch import nn

from bot.config import ModelSettings
from bot.engine.checkpoint.source import ModelSource, read_model_config
from bot.engine.kernels import matmul
from bot.engine.kernels.toolchain import find_toolchains
from bot.engine.lora import registry
from bot.engine.model_loader.bitsandbytes_compat import import_bitsandbytes, is_quantised_linear
from bot.engine.model_loader.torch_compat import cpu_computes_bfloat16
from bot.errors import UserError
from bot.system.memory import total_memory

Precision = Literal["nf4", "int8", "bf16", "fp16", "fp32"]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
NF4_PARAMETERS = 10**9  # models above lose little in nf4; SmolLM2-135M loses a third of its perplexity


def computes_bfloat16(device: str) -> bool:
    """Return whether a card ("cuda": each of them) computes in bfloat16 itself: from Ampere on."""
    if torch.version.hip is not None:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    index = torch.device(device).index
    cards = range(torch.cuda.device_count()) if index is None else (index,)
    return all(torch.cuda.get_device_capability(card) >= (8, 0) for card in cards)


def best_device() -> str:
    """Return the device for [model] device = "auto"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def best_precision(parameters: float, plain: Precision, plain_room: int = 0) -> Precision:
    """Return nf4 for a large model whose plain numbers take over `plain_room` bytes, else `plain`."""
    is_large = parameters > NF4_PARAMETERS and parameters * DTYPES[plain].itemsize > plain_room
    return "nf4" if is_large else plain


def chosen_precision(source: ModelSource, settings: ModelSettings, device: str) -> Precision:
    """Return the settings' precision, or the best one for a model whose files are here."""
    if settings.precision != "auto":
        return settings.precision
    room = plain_room(settings, device)
    return best_precision(_estimate_parameters(source), plain_precision(device), room)


def multiplies_packed(settings: ModelSettings, device: str) -> bool:
    """Return whether kernels in C multiply packed weights: torch would take longer than with 16 bits."""
    return device == "cpu" and settings.native and next(find_toolchains(), None) is not None


def plain_room(settings: ModelSettings, device: str) -> int:
    """Return the bytes that plain weights may take of a large model: on a CPU whose nf4 only saves memory.

    It is half of the main memory, however much of it is free: a model keeps its precision, and its copy.
    """
    is_slow = device == "cpu" and not multiplies_packed(settings, device)
    return (total_memory() or 0) // 2 if is_slow else 0


def plain_precision(device: str) -> Precision:
    """Return 16 bits where the device computes in them or has a kernel, else 32."""
    return "bf16" if dtype_of(None, device) == torch.bfloat16 or matmul.has_fbgemm(device) else "fp32"


def stored_precision(source: ModelSource, settings: ModelSettings) -> Precision | None:
    """Return the precision of a folder with quantised weights, or None for plain weights.

    Raises `UserError` for another library's quantisation, or another precision than the settings name.
    """
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
    """Return the dtype that a precision computes in.

    For quantised precisions and None: bfloat16 where the hardware computes in it, else float16 on a GPU and
    float32 on a CPU.
    """
    if precision in DTYPES:
        return DTYPES[precision]
    if device.startswith("cuda"):
        return torch.bfloat16 if computes_bfloat16(device) else torch.float16
    return torch.bfloat16 if device != "cpu" or cpu_computes_bfloat16() else torch.float32


def quantisation_config(precision: Precision, dtype: torch.dtype) -> Any | None:
    """Return the quantisation settings for `from_pretrained`, or None for a plain precision.

    On a card, the scales of nf4 are quantised once layers are joined (`Nf4Matmul`).
    """
    import transformers  # takes longer than a list of models should

    if precision in ("nf4", "int8"):
        import_bitsandbytes()
    if precision == "nf4":
        return transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
        )
    if precision == "int8":
        # Above a threshold, bitsandbytes would compute columns of all rows together in 16 bits: a row's
        # answer would depend on the others (by 13% of how much logits vary), and every layer would wait for
        # the card.
        return transformers.BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=0.0)
    return None


def check_quantised(model: nn.Module, precision: Precision) -> None:
    """Raise `UserError` where layers are not quantised as asked.

    A library that silently skips quantisation would give a model of noise, or one that does not fit.
    """
    if precision not in ("nf4", "int8"):
        return
    layers = registry.linear_layers(model).values()
    plain = [layer for layer in layers if not is_quantised_linear(layer, in_4_bits=precision == "nf4")]
    if len(plain) == len(layers) or any(not layer.weight.is_floating_point() for layer in plain):  # type: ignore[operator]
        raise UserError(
            f"The base model could not be loaded in {precision}: choose another [model] precision."
        )


def _estimate_parameters(source: ModelSource) -> float:
    """Estimate the parameters of a model by the bytes of its files."""
    assert source.path is not None
    if source.kind == "gguf":
        return source.path.stat().st_size / 0.6
    return sum(file.stat().st_size for file in source.path.glob("*.safetensors")) / 2
