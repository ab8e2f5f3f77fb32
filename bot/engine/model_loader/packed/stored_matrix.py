"""Matrices of a folder, packed in pieces of bounded memory: plain numbers, and codes of bitsandbytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bot.engine.model_loader.packed.stored_tensor import StoredTensor
from bot.engine.quantization.packed_matrix import PackedMatrix
from bot.engine.quantization.packing import pack, pack_bitsandbytes_int8, pack_bitsandbytes_nf4

SCALE_BLOCK = 256  # scales of nf4 that share one themselves
_PIECE = 2**22  # numbers that are read at once


class StoredMatrix(Protocol):
    """A matrix [rows, columns] in a folder, and the type of blocks that it is packed in."""

    @property
    def type_name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    def packed_pieces(self) -> Iterator[PackedMatrix]:
        """Yield the packed rows from the first to the last."""


@dataclass(frozen=True, slots=True)
class PlainMatrix:
    """Plain numbers; `is_transposed`: the file has [columns, rows], as that of Conv1D."""

    tensor: StoredTensor
    shape: tuple[int, int]
    type_name: str
    is_transposed: bool = False

    def packed_pieces(self) -> Iterator[PackedMatrix]:
        """Yield the packed rows; of a transposed matrix, which is small, all at once."""
        if self.is_transposed:
            yield pack(self.tensor.read().T.contiguous(), self.type_name)
            return
        for first, last in _spans(self.shape):
            yield pack(self.tensor.read_rows(first, last), self.type_name)


@dataclass(frozen=True, slots=True)
class StoredNf4:
    """Codes of bitsandbytes' nf4, two a byte, in blocks of 64 with a scale each.

    `scales` [rows * columns / 64] are plain, or codes of `scale_levels` [256] times the scales of 256 of them
    each, plus an offset.
    """

    codes: StoredTensor
    shape: tuple[int, int]
    scales: StoredTensor
    scale_levels: StoredTensor | None = None
    scale_scales: StoredTensor | None = None
    offset: float = 0.0
    type_name: str = "NF4"

    def packed_pieces(self) -> Iterator[PackedMatrix]:
        """Yield the codes as they are, with their scales in float32."""
        scales, columns = self._plain_scales().view(self.shape[0], -1), self.shape[1]
        for first, last in _spans(self.shape):
            codes = self.codes.read_rows(first * columns // 2, last * columns // 2).reshape(-1)
            yield pack_bitsandbytes_nf4(codes, scales[first:last].reshape(-1), last - first, columns)

    def _plain_scales(self) -> Tensor:
        scales = self.scales.read().reshape(-1)
        if self.scale_levels is None or self.scale_scales is None:
            return scales.float()
        outer = self.scale_scales.read().float().repeat_interleave(SCALE_BLOCK)[: len(scales)]
        return self.scale_levels.read().float()[scales.int()] * outer + self.offset


@dataclass(frozen=True, slots=True)
class StoredInt8:
    """Codes of bitsandbytes' 8 bits [rows, columns], with the largest number of each row [rows]."""

    codes: StoredTensor
    shape: tuple[int, int]
    largest: StoredTensor
    type_name: str = "INT8"

    def packed_pieces(self) -> Iterator[PackedMatrix]:
        """Yield the codes as they are, with their scales."""
        largest = self.largest.read().reshape(-1)
        for first, last in _spans(self.shape):
            yield pack_bitsandbytes_int8(self.codes.read_rows(first, last), largest[first:last])


def _spans(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the first row and the one behind the last of each piece."""
    rows, columns = shape
    step = max(1, _PIECE // max(1, columns))
    return ((first, min(rows, first + step)) for first in range(0, rows, step))
