"""The directory of a GGUF file: name, shape, type and place of each tensor, none outside the file."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from bot.engine.checkpoint.gguf.cursor import BrokenGguf, Cursor
from bot.engine.checkpoint.gguf.tensor_types import TENSOR_TYPES, TensorType

MAX_TENSORS = 100_000
_LEAST_TENSOR, _LONGEST_NAME, _MAX_DIMENSIONS = 32, 127, 4


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor: its shape with the columns last, and the place of its bytes in the file."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    begin: int
    bytes: int

    @property
    def columns(self) -> int:
        """The length of a row."""
        return self.shape[-1]

    @property
    def rows(self) -> int:
        """The number of rows; a vector has one."""
        return prod(self.shape[:-1])


def read_directory(cursor: Cursor, count: int, alignment: int) -> dict[str, TensorEntry]:
    """Read `count` tensors; raises `BrokenGguf` where they do not lie in the file, each for itself."""
    cursor.check_count(count, _LEAST_TENSOR)
    if count > MAX_TENSORS:
        raise BrokenGguf(f"it has {count:,} tensors")
    read = [_read_entry(cursor) for _ in range(count)]
    data = -(-cursor.at // alignment) * alignment
    entries: dict[str, TensorEntry] = {}
    for name, shape, kind, offset in read:
        if name in entries:
            raise BrokenGguf(f"it has the tensor {name} twice")
        if offset % alignment:
            raise BrokenGguf(f"its tensor {name} is not aligned")
        entries[name] = TensorEntry(name, shape, kind, data + offset, _size(name, shape, kind))
    _check_places(entries.values(), len(cursor.content))
    return entries


def _read_entry(cursor: Cursor) -> tuple[str, tuple[int, ...], TensorType, int]:
    name, dimensions = cursor.read_name(_LONGEST_NAME), cursor.read_short()
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise BrokenGguf(f"its tensor {name} has {dimensions:,} dimensions")
    shape = tuple(cursor.read_long() for _ in range(dimensions))[::-1]  # GGUF counts from the innermost
    kind, offset = cursor.read_short(), cursor.read_long()
    if kind not in TENSOR_TYPES:
        raise BrokenGguf(f"its tensor {name} is of the unknown type {kind}")
    return name, shape, TENSOR_TYPES[kind], offset


def _size(name: str, shape: tuple[int, ...], kind: TensorType) -> int:
    if not all(shape):
        raise BrokenGguf(f"its tensor {name} is empty")
    if shape[-1] % kind.values:
        raise BrokenGguf(f"the rows of its tensor {name} are no whole blocks of {kind.values}")
    return prod(shape) // kind.values * kind.bytes


def _check_places(entries: Iterable[TensorEntry], size: int) -> None:
    end = 0
    for entry in sorted(entries, key=lambda each: each.begin):
        if entry.begin < end:
            raise BrokenGguf(f"its tensor {entry.name} lies in another one")
        end = entry.begin + entry.bytes
        if end > size:
            raise BrokenGguf(f"its tensor {entry.name} ends at {end:,} of {size:,} bytes")
