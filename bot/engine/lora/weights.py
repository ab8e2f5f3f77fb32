"""An untrusted adapter_model.safetensors, whose header is validated before its data is read."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapter.files import WEIGHTS
from bot.engine.lora.config import LoraConfig
from bot.untrusted import RefusedFile, open_regular, parse_json

LinearShapes = Mapping[str, tuple[int, int]]  # a base model's linear layers: name to (out, in)

HEADER_BYTES = 2 << 20
SIZES = {"F32": 4, "F16": 2, "BF16": 2}
_NAME = re.compile(r"base_model\.model\.([A-Za-z0-9_.]+)\.lora_(A|B)\.weight")
_FIT = "use an adapter made for this model"
_AGAIN = "copy or export it again"


class ShapeMismatch(RefusedFile):
    """Weights whose shapes do not fit the base model: they may be for another one."""


@dataclass(frozen=True, slots=True)
class StoredMatrix:
    """One matrix of the file, at bytes `start` to `end`: half "A" is [rank, in], half "B" is [out, rank]."""

    module: str
    half: str
    dtype: str
    shape: tuple[int, int]
    start: int
    end: int


def read_weights(
    folder: Path, config: LoraConfig, shapes: LinearShapes
) -> tuple[bytes, tuple[StoredMatrix, ...]]:
    """Return the whole file and the places of its matrices; raises RefusedFile."""
    if not os.path.lexists(folder / WEIGHTS):
        raise RefusedFile(
            f"{WEIGHTS} is missing", "save it in safetensors format, since pickles are never opened"
        )
    with open_regular(folder, WEIGHTS) as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(8)
        header = file.read(_header_length(prefix, size))
        start = 8 + len(header)
        matrices = _matrices(_entries(header), start, config, shapes)
        _check_offsets(matrices, start, size)
        content = prefix + header + file.read(size - start)
    if len(content) != size:
        raise RefusedFile(f"{WEIGHTS} changed while it was read", "try again")
    return content, matrices


def _header_length(prefix: bytes, size: int) -> int:
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 2 <= length <= min(HEADER_BYTES, size - 8):
        raise RefusedFile(f"{WEIGHTS} is not a safetensors file", "export it again")
    return length


def _entries(header: bytes) -> dict[str, Any]:
    data = parse_json(header, f"the header of {WEIGHTS}")
    metadata = data.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise RefusedFile(f"the metadata of {WEIGHTS} is not plain text", "export it again")
    return data


def _matrices(
    entries: dict[str, Any], start: int, config: LoraConfig, shapes: LinearShapes
) -> tuple[StoredMatrix, ...]:
    matrices = tuple(_matrix(name, entry, start, config, shapes) for name, entry in entries.items())
    halves = {(matrix.module, matrix.half) for matrix in matrices}
    modules = {matrix.module for matrix in matrices}
    if not modules or len(halves) != 2 * len(modules):
        raise RefusedFile("half of a LoRA matrix pair is missing", _AGAIN)
    if config.complete and any(config.targets_module(name) and name not in modules for name in shapes):
        raise RefusedFile("modules that its settings name are missing from its weights", _AGAIN)
    return matrices


def _matrix(name: str, entry: Any, start: int, config: LoraConfig, shapes: LinearShapes) -> StoredMatrix:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RefusedFile(
            "it holds a tensor that is not half of a LoRA matrix pair", "train a plain LoRA adapter"
        )
    module, half = match[1], match[2]
    if module not in shapes:
        raise ShapeMismatch("it adapts a module that the base model does not have", _FIT)
    if not config.targets_module(module):
        raise RefusedFile("it holds weights for a module that its settings do not name", "export it again")
    out, inputs = shapes[module]
    rank = config.rank(module)
    expected = (rank, inputs) if half == "A" else (out, rank)
    begin, end = _check_entry(entry, expected)
    return StoredMatrix(module, half, entry["dtype"], expected, start + begin, start + end)


def _check_entry(entry: Any, expected: tuple[int, int]) -> tuple[int, int]:
    """Return the offsets of a matrix, in bytes, and refuse another shape or dtype."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise RefusedFile(f"the header of {WEIGHTS} has an entry of another form", "export it again")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise RefusedFile("its weights are not F32, F16 or BF16", "convert it to one of these")
    if not _are_sizes(shape) or not _are_sizes(offsets):
        raise RefusedFile(
            f"the header of {WEIGHTS} has sizes that are not two natural numbers", "export it again"
        )
    if tuple(shape) != expected:
        raise ShapeMismatch("its shapes do not match the base model and its rank", _FIT)
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[dtype]:
        raise RefusedFile(
            f"the header of {WEIGHTS} has offsets that do not match its shapes", "export it again"
        )
    return offsets[0], offsets[1]


def _check_offsets(matrices: tuple[StoredMatrix, ...], start: int, size: int) -> None:
    """Refuse a file with a byte behind the header that does not belong to exactly one matrix."""
    spans = sorted((matrix.start, matrix.end) for matrix in matrices)
    ends = [start, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != ends[:-1] or ends[-1] != size:
        raise RefusedFile(f"the tensors in {WEIGHTS} overlap, leave gaps or leave the file", _AGAIN)


def _are_sizes(values: Any) -> bool:
    if not isinstance(values, list) or len(values) != 2:
        return False
    return all(type(value) is int and 0 <= value < 1 << 40 for value in values)
