"""A matrix of quantised blocks: bytes of a file that is mapped, or of memory."""

from dataclasses import dataclass

from torch import Tensor

from bot.engine.quantization.block_types import BLOCK_TYPES, BlockType


@dataclass(frozen=True, slots=True, eq=False)
class PackedMatrix:
    """A matrix [rows, columns] whose rows are whole blocks of one type.

    data [rows, bytes of a row] uint8 may be a view of a mapped file, and is never written. row_order [rows]
    int64, where given, names the row of `data` that holds each row of the matrix: GGUF files have the queries
    and keys of some families in another order.
    """

    data: Tensor
    type: BlockType
    row_order: Tensor | None = None

    @property
    def rows(self) -> int:
        """The output size."""
        return self.data.shape[0]

    @property
    def columns(self) -> int:
        """The input size."""
        return self.data.shape[1] // self.type.bytes * self.type.values

    @property
    def bytes(self) -> int:
        """The bytes of all blocks."""
        return self.data.numel()


def packed_row_bytes(columns: int, type_name: str) -> int:
    """Return the bytes of a row; raises `ValueError` where the columns are no whole blocks."""
    block = BLOCK_TYPES[type_name]
    if columns % block.values:
        raise ValueError(f"{columns} columns are no whole blocks of {block.values}")
    return columns // block.values * block.bytes
