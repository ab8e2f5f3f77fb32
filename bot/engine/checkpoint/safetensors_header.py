"""The header of a base model's safetensors file, checked against the size before a library reads it."""

import os
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from bot.untrusted import RefusedFile, open_regular, parse_json

_HEADER_BYTES = 100 << 20  # the library's own bound
_AGAIN = "copy or download it again"


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Dtype, such as BF16, shape and place of a tensor: `begin` and `bytes` in its file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    bytes: int


def check_safetensors(folder: Path, name: str, root: Path | None = None) -> None:
    """Raise `RefusedFile` for a file that was cut or overwritten; `root`: as of `open_regular`."""
    header, data = _read_header(folder, name, root)
    ends = [_end(entry, name) for entry in header.values()]
    if max(ends, default=0) != data:
        raise RefusedFile(f"{name} is cut off, or longer than its header says", _AGAIN)


def stored_tensors(folder: Path, name: str, root: Path | None = None) -> dict[str, tuple[str, int]]:
    """Return the dtype, such as BF16, and the count of numbers of each tensor of a file.

    Raises `RefusedFile` for a damaged header; `root`: as of `open_regular`.
    """
    header, _ = _read_header(folder, name, root)
    return {tensor: _dtype_and_numbers(entry, name) for tensor, entry in header.items()}


def read_metadata(folder: Path, name: str) -> dict[str, str]:
    """Return the metadata of a file, texts by name; raises `RefusedFile` for a damaged header."""
    found = _read_whole_header(folder, name, None)[0].get("__metadata__")
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        return {}
    return found


def tensor_places(folder: Path, name: str, root: Path | None = None) -> dict[str, TensorPlace]:
    """Return the place of each tensor of a file; raises `RefusedFile` for one outside the file."""
    header, data = _read_header(folder, name, root)
    start = (folder / name).stat().st_size - data
    return {tensor: _place(entry, name, start, data) for tensor, entry in header.items()}


def _place(entry: Any, name: str, start: int, data: int) -> TensorPlace:
    dtype, _ = _dtype_and_numbers(entry, name)
    end, begin = _end(entry, name), entry["data_offsets"][0]
    if type(begin) is not int or not 0 <= begin <= end <= data:
        raise RefusedFile(f"the header of {name} has a tensor outside the file", _AGAIN)
    return TensorPlace(dtype, tuple(entry["shape"]), start + begin, end - begin)


def _read_header(folder: Path, name: str, root: Path | None) -> tuple[dict[str, Any], int]:
    """Return the header's tensors, and the bytes behind the header."""
    header, data = _read_whole_header(folder, name, root)
    return {tensor: entry for tensor, entry in header.items() if tensor != "__metadata__"}, data


def _read_whole_header(folder: Path, name: str, root: Path | None) -> tuple[dict[str, Any], int]:
    with open_regular(folder, name, root) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_HEADER_BYTES, size - 8):
            raise RefusedFile(f"{name} is cut off in its header, or is no safetensors file", _AGAIN)
        header = parse_json(file.read(length), f"the header of {name}")
    return header, size - 8 - length


def _dtype_and_numbers(entry: Any, name: str) -> tuple[str, int]:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise RefusedFile(f"the header of {name} has a tensor without a shape", _AGAIN)
    return str(entry.get("dtype")), prod(shape)


def _end(entry: Any, name: str) -> int:
    """Return the offset behind a tensor, in bytes."""
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or type(offsets[1]) is not int:
        raise RefusedFile(f"the header of {name} has a tensor without a place", _AGAIN)
    return offsets[1]
