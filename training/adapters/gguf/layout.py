"""The tensors of a GGUF file as llama.cpp reads them: names, order of rows, dtypes."""

from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from bot.errors import UserError

Array = npt.NDArray[Any]

# model types of transformers whose output was compared with that of llama.cpp; its own scripts convert others
_ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}


@dataclass(frozen=True, slots=True)
class GgufLayout:
    """The tensor names of one model, and the order of the rows that its rotary embedding turns."""

    architecture: gguf.MODEL_ARCH
    config: Any

    @property
    def name(self) -> str:
        """The name of the architecture in GGUF files."""
        return str(gguf.MODEL_ARCH_NAMES[self.architecture])

    @property
    def blocks(self) -> int:
        """The number of layers."""
        return int(self.config.num_hidden_layers)

    def tensor_name(self, name: str) -> str:
        """Return the GGUF name of a tensor of transformers, which ends in ".weight" or ".bias".

        Raises `UserError` where GGUF has no name.
        """
        names = gguf.get_tensor_name_map(self.architecture, self.blocks)
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise UserError(f"GGUF has no name for {name}: export with --format peft or merged instead.")
        return str(found)

    def permute_rows(self, name: str, values: Array) -> Array:
        """Return a tensor [rows, ...] with its rows in the order of llama.cpp.

        In the "llama" architecture, llama.cpp interleaves the two halves of a head that the rotary embedding
        turns together, and transformers has one half behind the other. This is the permutation of
        convert_hf_to_gguf.py.
        """
        heads = self._heads(name)
        if self.architecture != gguf.MODEL_ARCH.LLAMA or not heads:
            return values
        split = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
        return split.swapaxes(1, 2).reshape(values.shape)

    def _heads(self, name: str) -> int:
        if ".q_proj" in name:
            return int(self.config.num_attention_heads)
        return int(self.config.num_key_value_heads) if ".k_proj" in name else 0


def gguf_layout(config: Any) -> GgufLayout:
    """Return the layout of a model from its transformers config; raises `UserError` for other families."""
    if config.model_type not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise UserError(
            f"Models of the family {config.model_type} are not written as GGUF here ({known} are): export "
            "with --format peft or merged, and convert that with llama.cpp's own scripts."
        )
    return GgufLayout(_ARCHITECTURES[config.model_type], config)


def cast_for_file(values: Array, dtype: str) -> Array:
    """Convert matrices to `dtype`, f32 or f16, and vectors to f32; raises `UserError` if f16 overflows."""
    if dtype == "f32" or values.ndim < 2:
        return np.ascontiguousarray(values, np.float32)
    with np.errstate(over="ignore"):
        small = np.ascontiguousarray(values, np.float16)
    if not np.isfinite(small).all():
        raise UserError("The model has weights that f16 cannot hold: export with --dtype f32.")
    return small
