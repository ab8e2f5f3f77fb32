"""The header of an untrusted adapter_model.safetensors: its tensors and their places, before any is read."""

import math
from dataclasses import dataclass
from typing import Any, BinaryIO

from bot.adapter.files import WEIGHTS
from bot.untrusted import RefusedFile, parse_json

HEADER_BYTES = 2 << 20
MAX_BYTES = 16 << 30  # of the file, with what it holds beside LoRA matrices
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1, "BOOL": 1}
FLOATS = ("F64", "F32", "F16", "BF16")
UNREADABLE = f"{WEIGHTS} cannot be read as safetensors"
AGAIN = "copy or export it again"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor by its name, at bytes `start` to `end` of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_header(file: BinaryIO, size: int) -> tuple[bytes, tuple[StoredTensor, ...]]:
    """Return the bytes up to the end of the header, and the tensors in the order of their places.

    Raises `RefusedFile` for a file of `size` bytes that is not its header and these tensors alone.
    """
    if size > MAX_BYTES:
        raise RefusedFile(f"{WEIGHTS} has more than {MAX_BYTES >> 30} GB", "use a plain LoRA adapter")
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 2 <= length <= min(HEADER_BYTES, size - 8):
        raise RefusedFile(f"{UNREADABLE}: it has no header", AGAIN)
    header = file.read(length)
    start = 8 + len(header)
    tensors = [_tensor(name, entry, start) for name, entry in _entries(header).items()]
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end))
    ends = [start, *(tensor.end for tensor in tensors)]
    if [tensor.start for tensor in tensors] != ends[:-1] or ends[-1] != size:
        raise RefusedFile(f"{UNREADABLE}: its tensors overlap, leave gaps or leave the file", AGAIN)
    return prefix + header, tuple(tensors)


def _entries(header: bytes) -> dict[str, Any]:
    data = parse_json(header, f"the header of {WEIGHTS}")
    metadata = data.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise RefusedFile(f"the metadata of {WEIGHTS} is not plain text", "export it again")
    return data


def _tensor(name: str, entry: Any, start: int) -> StoredTensor:
    """Return a tensor, and refuse an entry of another form or with offsets that do not match its shape."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise RefusedFile(f"the header of {WEIGHTS} has an entry of another form", "export it again")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise RefusedFile("its weights are not F32, F16 or BF16", "convert it to one of these")
    if not _are_sizes(shape, 8) or not _are_sizes(offsets, 2) or len(offsets) != 2:
        raise RefusedFile(
            f"the header of {WEIGHTS} has sizes that are not natural numbers", "export it again"
        )
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[dtype]:
        raise RefusedFile(
            f"the header of {WEIGHTS} has offsets that do not match its shapes", "export it again"
        )
    return StoredTensor(name, dtype, tuple(shape), start + offsets[0], start + offsets[1])


def _are_sizes(values: Any, most: int) -> bool:
    if not isinstance(values, list) or len(values) > most:
        return False
    return all(type(value) is int and 0 <= value < 1 << 40 for value in values)
