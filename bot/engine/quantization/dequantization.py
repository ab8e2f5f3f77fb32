"""The plain numbers of packed matrices, by torch's operators, in pieces of bounded memory."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bot.engine.quantization.block_formulas import FORMULAS
from bot.engine.quantization.packed_matrix import PackedMatrix

_PIECE = 2**20  # numbers that are dequantised at once: their intermediates take about 20 MB


def dequantise(matrix: PackedMatrix, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the plain numbers [rows, columns] of a matrix."""
    plain = torch.empty(matrix.rows, matrix.columns, dtype=dtype)
    for start, rows in dequantised_pieces(matrix):
        plain[start : start + len(rows)] = rows
    return plain


def dequantised_pieces(matrix: PackedMatrix, numbers: int = _PIECE) -> Iterator[tuple[int, Tensor]]:
    """Yield pieces of about `numbers` at most: the first row, and the rows [.., columns] in float32."""
    step = max(1, numbers // max(1, matrix.columns))
    for start in range(0, matrix.rows, step):
        chosen = slice(start, start + step)
        packed = matrix.data[chosen if matrix.row_order is None else matrix.row_order[chosen]]
        yield start, _plain_rows(matrix, packed)


def dequantise_rows(matrix: PackedMatrix, rows: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return chosen rows as [*rows.shape, columns]; rows [..] are integers."""
    chosen = rows.reshape(-1)
    plain = torch.empty(len(chosen), matrix.columns, dtype=dtype)
    step = max(1, _PIECE // max(1, matrix.columns))
    for start in range(0, len(chosen), step):
        piece = chosen[start : start + step]
        packed = matrix.data[piece if matrix.row_order is None else matrix.row_order[piece]]
        plain[start : start + step] = _plain_rows(matrix, packed)
    return plain.view(*rows.shape, matrix.columns)


def _plain_rows(matrix: PackedMatrix, packed: Tensor) -> Tensor:
    """packed [rows, bytes of a row] uint8 -> [rows, columns] float32."""
    blocks = packed.reshape(-1, matrix.type.bytes)
    return FORMULAS[matrix.type.name](blocks).view(len(packed), matrix.columns)
