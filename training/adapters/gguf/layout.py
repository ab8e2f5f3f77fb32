"""How llama.cpp has the parts of a model: their names in a GGUF file, and what it wants done with them."""

from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from bot.errors import UserError

Array = npt.NDArray[Any]

# of transformers' model types, those that were compared with llama.cpp; its own scripts convert others
_ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of one model, and the order of the rows that its rotary embedding turns."""

    architecture: gguf.MODEL_ARCH
    config: Any

    @property
    def name(self) -> str:
        """The architecture as GGUF files name it."""
        return str(gguf.MODEL_ARCH_NAMES[self.architecture])

    @property
    def blocks(self) -> int:
        """How many layers there are."""
        return int(self.config.num_hidden_layers)

    def tensor(self, name: str) -> str:
        """A tensor's name from its name in transformers, with ".weight" or ".bias" at its end."""
        names = gguf.get_tensor_name_map(self.architecture, self.blocks)
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise UserError(f"GGUF has no name for {name}: export with --format peft or merged instead.")
        return str(found)

    def rows(self, name: str, values: Array) -> Array:
        """The rows of a tensor as llama.cpp wants them.

        In its "llama" architecture the two halves of every head that are turned together lie side by side,
        where transformers has one behind the other; as in llama.cpp's own conversion.
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


def layout_of(config: Any) -> Layout:
    """The layout of a model from its transformers config; raises `UserError` for families that have none."""
    if config.model_type not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise UserError(
            f"Models of the family {config.model_type} are not written as GGUF here ({known} are): export "
            "with --format peft or merged, and convert that with llama.cpp's own scripts."
        )
    return Layout(_ARCHITECTURES[config.model_type], config)


def as_stored(values: Array, dtype: str) -> Array:
    """Matrices in f16 or f32; what is not a matrix stays f32. Raises `UserError` if f16 cannot hold it."""
    if dtype == "f32" or values.ndim < 2:
        return np.ascontiguousarray(values, np.float32)
    with np.errstate(over="ignore"):
        small = np.ascontiguousarray(values, np.float16)
    if not np.isfinite(small).all():
        raise UserError("The model has weights that f16 cannot hold: export with --dtype f32.")
    return small
