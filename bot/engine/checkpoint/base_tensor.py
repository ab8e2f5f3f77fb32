"""One tensor of a base model's files, read row by row to be compared with a copy of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.engine.checkpoint.gguf.header import read_gguf_header
from bot.engine.checkpoint.gguf.tensors import view_tensor
from bot.engine.checkpoint.source import ModelSource
from bot.engine.checkpoint.stored_numbers import NUMBERS, Values, read_numbers
from bot.engine.checkpoint.weight_files import weight_files


@dataclass(frozen=True, slots=True)
class BaseTensor:
    """A tensor of a shape. `read_rows(first, last)` returns these of its rows, flat.

    `is_rounded`: the file has it quantised, so that a copy differs from it by that.
    """

    shape: tuple[int, ...]
    is_rounded: bool
    read_rows: Callable[[int, int], Values]


def find_tensor(
    source: ModelSource, is_wanted: Callable[[str], bool], gguf_names: tuple[str, ...]
) -> BaseTensor | None:
    """Find the tensor whose name is wanted, in a GGUF file the first of these names; None without one.

    None also for a tensor that is stored in another way than as plain numbers.
    """
    assert source.path is not None
    if source.kind == "gguf":
        return _gguf_tensor(source.path, gguf_names)
    for name in weight_files(source.path):
        if (found := _safetensors_tensor(source.path / name, is_wanted)) is not None:
            return found
    return None


def _safetensors_tensor(path: Path, is_wanted: Callable[[str], bool]) -> BaseTensor | None:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(size))
    entry = next((entry for name, entry in entries.items() if is_wanted(name)), None)
    if entry is None or entry["dtype"] not in NUMBERS or not entry["shape"]:
        return None
    shape, begin = tuple(entry["shape"]), 8 + size + entry["data_offsets"][0]
    row_bytes = (entry["data_offsets"][1] - entry["data_offsets"][0]) // max(1, shape[0])

    def read_rows(first: int, last: int) -> Values:
        with path.open("rb") as file:
            file.seek(begin + first * row_bytes)
            return read_numbers(file.read((last - first) * row_bytes), entry["dtype"])

    return BaseTensor(shape, False, read_rows)


def _gguf_tensor(path: Path, names: tuple[str, ...]) -> BaseTensor | None:
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    header = read_gguf_header(path)
    entry = next((header.tensors[name] for name in names if name in header.tensors), None)
    if entry is None:
        return None
    data, kind = view_tensor(header.content, entry), GGMLQuantizationType[entry.type.name]

    def read_rows(first: int, last: int) -> Values:
        rows: Values = dequantize(data[first:last], kind)
        return rows.reshape(-1)

    return BaseTensor(entry.shape, entry.type.name not in ("F32", "F16"), read_rows)
