"""The header of a model in a folder: config.json and the headers of its safetensors."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.engine.checkpoint.families import Standing, standing_of
from bot.engine.checkpoint.gguf_model import read_gguf_model
from bot.engine.checkpoint.model_header import EMBEDDINGS, HEADS, ModelHeader, count_of, numbers_of
from bot.engine.checkpoint.safetensors_header import stored_tensors
from bot.engine.checkpoint.weight_files import check_files, folder_root, read_folder_config, weight_files
from bot.untrusted import RefusedFile

_DTYPES = {"F32": "fp32", "F16": "fp16", "BF16": "bf16", "F64": "fp64"}


def read_model_header(path: Path) -> ModelHeader:
    """Read the headers of a GGUF file, or of a folder in transformers' format.

    Raises `UserError` or `RefusedFile` for files that cannot be read; a model that is not served, or whose
    files are not whole, has a `fault`.
    """
    return read_folder_model(path) if path.is_dir() else read_gguf_model(path)


def read_folder_model(folder: Path) -> ModelHeader:
    """Read config.json and the headers of the weights; raises `RefusedFile` where config.json is damaged.

    A model whose weights are damaged, or are no safetensors, has a `fault`.
    """
    config = read_folder_config(folder)
    inner = config.get("text_config")
    text = inner if isinstance(inner, dict) else config
    family = str(text.get("model_type") or config.get("model_type") or "")
    standing, fault = standing_of(family, is_gguf=False)
    try:
        check_files(folder)
        tensors = _stored_tensors(folder)
    except RefusedFile as refusal:
        return _folder_header(text, family, "refused", fault or refusal.reason, "?", {}, 0)
    quantised = config.get("quantization_config")
    bits = _folder_bits(quantised, tensors)
    if bits == "?":
        standing, fault = "refused", fault or "it is quantised in a way that is not served"
    size = sum((folder / name).stat().st_size for name in weight_files(folder))
    packed = 2 if bits == "nf4" else 1
    numbers = {
        name: count * (packed if kind == "U8" else 1)
        for name, (kind, count) in tensors.items()
        if not (packed == 2 and ".weight." in name)  # scales beside nf4's weights
    }
    header = _folder_header(text, family, standing, fault, bits, numbers, size)
    return replace(header, is_packable=text is config and _fills_blocks(header))


def _fills_blocks(header: ModelHeader) -> bool:
    widths = header.hidden, header.intermediate, header.heads * header.head_size
    return all(width and width % 64 == 0 for width in widths)


def _folder_bits(quantised: object, tensors: Mapping[str, tuple[str, int]]) -> str:
    if isinstance(quantised, dict):
        served = quantised.get("quant_method") == "bitsandbytes"
        return ("nf4" if quantised.get("load_in_4bit") else "int8") if served else "?"
    sizes: dict[str, int] = {}
    for kind, count in tensors.values():
        sizes[kind] = sizes.get(kind, 0) + count
    return _DTYPES.get(max(sizes, key=lambda kind: sizes[kind], default=""), "?")


def _folder_header(
    text: Mapping[str, Any],
    family: str,
    standing: Standing,
    fault: str,
    bits: str,
    numbers: Mapping[str, int],
    size: int,
) -> ModelHeader:
    hidden = count_of(text, "hidden_size", "n_embd")
    heads = count_of(text, "num_attention_heads", "n_head")
    return ModelHeader(
        family=family,
        standing=standing,
        fault=fault,
        bits=bits,
        parameters=sum(numbers.values()),
        bytes=size,
        layers=count_of(text, "num_hidden_layers", "n_layer"),
        hidden=hidden,
        intermediate=count_of(text, "intermediate_size", "n_inner") or 4 * hidden,
        heads=heads,
        kv_heads=count_of(text, "num_key_value_heads") or heads,
        head_size=count_of(text, "head_dim") or hidden // max(1, heads),
        vocabulary=count_of(text, "vocab_size"),
        context=count_of(text, "max_position_embeddings", "n_positions"),
        table=numbers_of(numbers, EMBEDDINGS),
        head=numbers_of(numbers, HEADS),
        is_scored=bool(text.get("attn_logit_softcapping")),
    )


def _stored_tensors(folder: Path) -> dict[str, tuple[str, int]]:
    """Return dtype and count of numbers of every tensor of a folder's weight files."""
    found: dict[str, tuple[str, int]] = {}
    for name in weight_files(folder):
        found |= stored_tensors(folder, name, folder_root(folder))
    return found
