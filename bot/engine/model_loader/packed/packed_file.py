"""A file of packed weights: safetensors of bytes for matrices and of float32 for the rest, written in order.

Its metadata name the type of blocks of each matrix. It is mapped, so that processes share its memory.
"""

import json
import mmap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bot.engine.checkpoint.safetensors_header import read_metadata, tensor_places
from bot.engine.model_loader.packed.layout import FolderLayout
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.packed_matrix import PackedMatrix, packed_row_bytes

PACKED_FILE = "packed.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class PackedFile:
    """A mapped file: matrices by name, and plain numbers."""

    matrices: Mapping[str, PackedMatrix]
    numbers: Mapping[str, Tensor]


def write_packed(folder: Path, layout: FolderLayout, report: Callable[[int], None]) -> None:
    """Pack tensor by tensor into a folder's file; `report` gets the bytes of each piece that was written."""
    header = json.dumps(_header(layout), separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with (folder / PACKED_FILE).open("xb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for piece in _content(layout):
            file.write(piece.numpy().data)
            report(piece.nbytes)


def open_packed(folder: Path) -> PackedFile:
    """Map the file of a folder whose hash was checked; raises `RefusedFile` for one that is damaged."""
    places, types = tensor_places(folder, PACKED_FILE), read_metadata(folder, PACKED_FILE)
    with (folder / PACKED_FILE).open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    matrices, numbers = {}, {}
    for name, place in places.items():
        view = torch.frombuffer(content, dtype=torch.uint8, count=place.bytes, offset=place.begin)
        if name in types:
            matrices[name] = PackedMatrix(view.view(place.shape), BLOCK_TYPES[types[name]])
        else:
            numbers[name] = view.view(torch.float32).view(place.shape)
    return PackedFile(matrices, numbers)


def packed_bytes(layout: FolderLayout) -> int:
    """Return the bytes of all tensors of a packed file."""
    plain = sum(prod(tensor.shape) for tensor in layout.plain.values())
    return sum(size.bytes for size in layout.sizes) + plain * torch.float32.itemsize


def _content(layout: FolderLayout) -> Iterator[Tensor]:
    for tensor in layout.plain.values():
        yield tensor.read().float()
    for matrix in layout.matrices.values():
        for piece in matrix.packed_pieces():
            yield piece.data


def _header(layout: FolderLayout) -> dict[str, Any]:
    """Return the header: plain numbers come first, where the file's alignment is theirs."""
    header: dict[str, Any] = {
        "__metadata__": {name: matrix.type_name for name, matrix in layout.matrices.items()}
    }
    end = 0
    for name, tensor in layout.plain.items():
        size = prod(tensor.shape) * torch.float32.itemsize
        header[name] = _entry("F32", [*tensor.shape], end, size)
        end += size
    for name, matrix in layout.matrices.items():
        shape = [matrix.shape[0], packed_row_bytes(matrix.shape[1], matrix.type_name)]
        header[name] = _entry("U8", shape, end, prod(shape))
        end += prod(shape)
    return header


def _entry(dtype: str, shape: list[int], begin: int, size: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + size]}
