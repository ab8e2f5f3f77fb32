"""Types of numbers in GGUF files, as far as the library `gguf` writes them."""

from dataclasses import dataclass
from importlib.metadata import version

import gguf
import numpy as np
from gguf import GGMLQuantizationType, LlamaFileType

from bot.errors import UserError
from training.adapters.gguf.layout import Array, cast_for_file

_LOOKED_UP = ("token_embd.weight", "output.weight")  # 4 bits cost most there: they keep 8
PLAIN_DTYPES = ("f32", "f16")
_FILE_TYPES = {
    "f32": LlamaFileType.ALL_F32,
    "f16": LlamaFileType.MOSTLY_F16,
    "q8_0": LlamaFileType.MOSTLY_Q8_0,
    "q4_0": LlamaFileType.MOSTLY_Q4_0,
    "q4_k": LlamaFileType.MOSTLY_Q4_K_M,
}
_BLOCKS = {
    "q8_0": GGMLQuantizationType.Q8_0,
    "q4_0": GGMLQuantizationType.Q4_0,
    "q4_k": GGMLQuantizationType.Q4_K,
}
GGUF_DTYPES = tuple(_FILE_TYPES)


@dataclass(frozen=True, slots=True)
class StoredArray:
    """A tensor as it lies in a file: values, or bytes of quantised blocks with their type."""

    values: Array
    blocks: GGMLQuantizationType | None = None


def check_gguf_dtype(dtype: str) -> None:
    """Raise `UserError` for a type of blocks that the library only reads."""
    blocks = _BLOCKS.get(dtype)
    if blocks is not None and not _writes(blocks):
        known = [name for name, each in _BLOCKS.items() if _writes(each)]
        raise UserError(
            f"The library gguf {version('gguf')} reads {dtype} and writes none: export with --dtype "
            f"{' or '.join(known)}, or with --dtype f16 and convert that with llama.cpp's llama-quantize."
        )


def file_type(dtype: str) -> LlamaFileType:
    """Return the type that a file of this dtype names in its metadata."""
    return _FILE_TYPES[dtype]


def store_array(name: str, values: Array, dtype: str) -> StoredArray:
    """Convert a tensor by its GGUF name: vectors to f32, matrices to `dtype`.

    Rows that no whole blocks hold are f16, and of q4_0 the embeddings and the head are q8_0. Raises
    `UserError` if f16 overflows.
    """
    blocks = _BLOCKS.get(dtype)
    if blocks is None or values.ndim < 2:
        return StoredArray(cast_for_file(values, dtype if blocks is None else "f32"))
    if name in _LOOKED_UP:
        blocks = GGMLQuantizationType.Q8_0
    if values.shape[-1] % gguf.GGML_QUANT_SIZES[blocks][0]:
        return StoredArray(cast_for_file(values, "f16"))
    return StoredArray(gguf.quants.quantize(np.ascontiguousarray(values, np.float32), blocks), blocks)


def _writes(blocks: GGMLQuantizationType) -> bool:
    try:
        gguf.quants.quantize(np.zeros((1, gguf.GGML_QUANT_SIZES[blocks][0]), np.float32), blocks)
    except NotImplementedError:
        return False
    return True
