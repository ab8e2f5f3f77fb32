"""Packed matrices of plain weights, and of weights that bitsandbytes quantised."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from bot.engine.quantization.block_formulas import NF4_CODES
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.packed_matrix import PackedMatrix, packed_row_bytes

_PIECE = 2**17  # numbers that are quantised at once: their intermediates stay in the caches
_SMALLEST = 1e-38  # of bitsandbytes: a block of zeros has no largest number to divide by
_NF4_BOUNDS = tuple((low + high) / 2 for low, high in pairwise(NF4_CODES))
_CELLS = 1024  # of a grid over -1 to 1 that is so fine that no cell has two bounds


def pack(weight: Tensor, type_name: str) -> PackedMatrix:
    """Quantise weight [rows, columns] to NF4 with the codes of bitsandbytes, or to Q8_0 with those of ggml.

    Raises `ValueError` where the columns are no whole blocks.
    """
    rows, columns = weight.shape
    data = torch.empty(rows, packed_row_bytes(columns, type_name), dtype=torch.uint8)
    for start, piece in _pieces(weight):
        data[start : start + len(piece)] = _PACKERS[type_name](piece).view(len(piece), -1)
    return PackedMatrix(data, BLOCK_TYPES[type_name])


def pack_bitsandbytes_nf4(packed: Tensor, absmax: Tensor, rows: int, columns: int) -> PackedMatrix:
    """Take over codes of bitsandbytes' nf4 as they are; packed [rows * columns / 2] uint8, in its flat order.

    absmax [rows * columns / 64] float32, dequantised where it was quantised itself. Raises `ValueError` where
    the columns are no whole blocks.
    """
    data = torch.empty(rows, packed_row_bytes(columns, "NF4"), dtype=torch.uint8)
    codes = packed.reshape(rows, -1, 32)
    scales = absmax.float().reshape(rows, -1, 1)
    for start, piece in _pieces(codes):
        numbers = torch.stack((piece >> 4, piece & 15), -1).view(*piece.shape[:2], 64)
        chosen = _join_scale(scales[start : start + len(piece)], _packed_halves(numbers))
        data[start : start + len(piece)] = chosen.view(len(piece), -1)
    return PackedMatrix(data, BLOCK_TYPES["NF4"])


def pack_bitsandbytes_int8(codes: Tensor, absmax: Tensor) -> PackedMatrix:
    """Take over int8 codes [rows, columns] of bitsandbytes, with the largest number of each row [rows].

    Raises `ValueError` where the columns are no whole blocks.
    """
    rows, columns = codes.shape
    data = torch.empty(rows, packed_row_bytes(columns, "INT8"), dtype=torch.uint8)
    blocks = codes.contiguous().view(torch.uint8).view(rows, -1, 64)
    scales = (absmax.float() / 127).view(rows, 1, 1).expand(*blocks.shape[:2], 1)
    for start, piece in _pieces(blocks):
        joined = _join_scale(scales[start : start + len(piece)].contiguous(), piece)
        data[start : start + len(piece)] = joined.view(len(piece), -1)
    return PackedMatrix(data, BLOCK_TYPES["INT8"])


def _pieces(rows: Tensor) -> Iterator[tuple[int, Tensor]]:
    step = max(1, _PIECE // max(1, rows[:1].numel()))
    return ((start, rows[start : start + step]) for start in range(0, len(rows), step))


def _packed_halves(codes: Tensor) -> Tensor:
    """codes [.., 64] of 4 bits -> [.., 32]: number j in the low half of byte j, number j + 32 in the high."""
    codes = codes.to(torch.uint8)
    return codes[..., :32] | codes[..., 32:] << 4


def _join_scale(scale: Tensor, codes: Tensor) -> Tensor:
    """scale [.., 1] floating point and codes [.., n] uint8 as the bytes of blocks."""
    return torch.cat((scale.view(torch.uint8), codes), -1)


def _pack_nf4(weight: Tensor) -> Tensor:
    blocks = weight.float().reshape(-1, 64)
    largest = blocks.abs().amax(1, keepdim=True)
    scaled = (blocks * (1 / largest.clamp(min=_SMALLEST))).clamp_(-1, 1)
    codes, bounds = _nf4_grid()
    cells = ((scaled + 1) * (_CELLS / 2)).int().clamp_(max=_CELLS - 1)
    return _join_scale(largest, _packed_halves(codes[cells] + (scaled > bounds[cells])))


@cache
def _nf4_grid() -> tuple[Tensor, Tensor]:
    """Return the code at the start of each cell of the grid, and the bound inside it; 2 for none.

    Three times as fast as a search among the bounds, with the same codes.
    """
    starts = torch.arange(_CELLS) * (2 / _CELLS) - 1
    bounds = torch.full((_CELLS,), 2.0)
    for bound in _NF4_BOUNDS:
        bounds[int((bound + 1) * (_CELLS / 2))] = bound
    return torch.bucketize(starts, torch.tensor(_NF4_BOUNDS)).to(torch.uint8), bounds


def _pack_q8_0(weight: Tensor) -> Tensor:
    blocks = weight.float().reshape(-1, 32)
    scale = blocks.abs().amax(1, keepdim=True) / 127
    scaled = blocks * torch.where(scale > 0, 1 / scale, 0)
    rounded = (scaled.abs() + 0.5).floor() * scaled.sign()  # halves away from zero, as C's roundf
    return _join_scale(scale.half(), rounded.to(torch.int8).view(torch.uint8))


_PACKERS: dict[str, Callable[[Tensor], Tensor]] = {"NF4": _pack_nf4, "Q8_0": _pack_q8_0}
