"""Views of the tensors in a mapped GGUF file, by the parameters of a model; nothing is copied."""

from dataclasses import dataclass
from functools import lru_cache
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from bot.engine.checkpoint.gguf.directory import TensorEntry
from bot.engine.checkpoint.gguf.families import Family
from bot.engine.checkpoint.gguf.tensor_names import Parameter
from bot.engine.checkpoint.gguf.tensor_types import BETTER_FILES, TensorType, served_block, served_types
from bot.engine.quantization.block_types import BlockType
from bot.untrusted import RefusedFile

Bytes = NDArray[np.uint8]
Order = NDArray[np.int64]
_CACHED_ORDERS = 8


@dataclass(frozen=True, slots=True, eq=False)
class GgufTensor:
    """A parameter's tensor as the file has it.

    data [rows, bytes of a row] is a read-only view of the mapped file; a vector is one row. row_order [rows],
    where given, names the row of the file that holds each row of the parameter (an element of the vector).
    `added` is what the file has added to each number. `is_transposed`: the parameter of transformers is
    [columns, rows], as that of Conv1D; `shape` is the file's [rows, columns].
    """

    name: str
    type: TensorType
    shape: tuple[int, ...]
    data: Bytes
    row_order: Order | None = None
    added: float = 0.0
    is_transposed: bool = False

    @property
    def block(self) -> BlockType | None:
        """The type of quantised blocks; None for plain numbers."""
        return served_block(self.type)

    @property
    def bytes(self) -> int:
        """The bytes in the file."""
        return self.data.nbytes

    def numbers(self) -> NDArray[np.float32]:
        """Return plain numbers as the parameter has them: a view of the file where it holds the same.

        Raises `ValueError` for quantised blocks.
        """
        values = plain_numbers(self.data, self.type.name).reshape(self.shape)
        if self.row_order is not None:
            values = values[self.row_order]
        values = values - np.float32(self.added) if self.added else values
        return values.T if self.is_transposed else values


def plain_numbers(data: Bytes, type_name: str) -> NDArray[np.float32]:
    """Return numbers of a plain type in 32 bits; raises `ValueError` for another type."""
    match type_name:
        case "F32":
            return data.reshape(-1).view(np.float32)
        case "F16":
            return data.reshape(-1).view(np.float16).astype(np.float32)
        case "BF16":
            return (data.reshape(-1).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    raise ValueError(f"{type_name} is no type of plain numbers")


def view_tensor(content: mmap, entry: TensorEntry) -> Bytes:
    """Return the bytes of a tensor [rows, bytes of a row] in a mapped file."""
    view = np.frombuffer(content, np.uint8, entry.bytes, entry.begin).reshape(entry.rows, -1)
    view.flags.writeable = False
    return view


def open_tensor(content: mmap, entry: TensorEntry, parameter: Parameter, family: Family) -> GgufTensor:
    """Return a parameter's tensor; raises `RefusedFile` where its type is not served."""
    is_plain = entry.type.is_plain
    if not is_plain and (len(parameter.shape) < 2 or served_block(entry.type) is None):
        raise _unserved(entry)
    return GgufTensor(
        entry.name,
        entry.type,
        parameter.shape,
        view_tensor(content, entry),
        row_order(parameter.rotated_heads, parameter.shape[0]) if parameter.rotated_heads else None,
        family.added if parameter.is_norm else 0.0,
        parameter.is_transposed,
    )


def _unserved(entry: TensorEntry) -> RefusedFile:
    served = ", ".join(served_types())
    return RefusedFile(
        f"its {entry.name} is stored as {entry.type.name}, which is not served ({served} are)",
        f"take the file of the same model in {BETTER_FILES}",
    )


@lru_cache(_CACHED_ORDERS)
def row_order(heads: int, rows: int) -> Order:
    """Return the row of the file for each row of a module whose heads the file has in pairs.

    transformers has the first halves of a head's pairs before the second ones.
    """
    order = np.arange(rows).reshape(heads, rows // heads // 2, 2).swapaxes(1, 2).reshape(-1)
    order.setflags(write=False)
    return order
