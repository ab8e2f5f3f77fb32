"""The header of a GGUF file without its arrays: scalars by key, tensors with shape and type.

gguf's own reader makes objects of a vocabulary, which takes seconds; a list of many files reads each once.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from bot.engine.checkpoint.gguf_header import ELEMENTS, MAGIC, VERSIONS
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.errors import UserError

Scalar = str | int | float | bool
_STRING, _ARRAY = 8, 9
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIifBQqd", strict=True))
_KEYS, _TENSORS, _DIMENSIONS, _NESTED = 10_000, 100_000, 4, 4  # the most of each
_LONGEST = 1 << 20  # bytes of a string that is kept, such as a chat template
_ALIGNMENT = 32  # bytes, where the file names none

# types of ggml by number: name, values of a block, its bytes
TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2), 28: ("F64", 1, 8),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 29: ("IQ1_M", 256, 56), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    **{one.gguf: (one.name, one.values, one.bytes) for one in BLOCK_TYPES.values() if one.gguf is not None},
}  # fmt: skip
# kinds of files by `general.file_type`, as llama.cpp's llama_ftype numbers them
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
    37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a GGUF file: `shape` as ggml has it, columns first; `offset` from the data's begin."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def numbers(self) -> int:
        """The count of its numbers."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def bytes(self) -> int:
        """The bytes that it takes; 0 for an unknown type."""
        _, values, size = TENSOR_TYPES.get(self.type, ("", 1, 0))
        return -(-self.numbers // values) * size


@dataclass(frozen=True, slots=True)
class GgufSummary:
    """`fields`: scalars by key, and of an array `key` its length as `key[]`; `size`: bytes of the file."""

    fields: dict[str, Scalar]
    tensors: tuple[StoredTensor, ...]
    data_start: int
    size: int

    @property
    def is_whole(self) -> bool:
        """True where the file reaches to the end of its last tensor."""
        return self.size >= self.data_start + max((one.offset + one.bytes for one in self.tensors), default=0)


def read_gguf_summary(path: Path) -> GgufSummary:
    """Read a GGUF file's header; raises `UserError` for a file that is none, or ends inside of it."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Walk(content).summary()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): see that it can be.") from None
    except (struct.error, ValueError, OverflowError) as error:
        reason = "it ends in its header" if isinstance(error, struct.error) else str(error)
        raise UserError(f"{path} is no whole GGUF file ({reason}): copy or download it again.") from None


class _Walk:
    """One pass over the header; struct raises where a step would leave the file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._at, self._elements = content, 0, 0

    def summary(self) -> GgufSummary:
        if self._content[:4] != MAGIC:
            raise ValueError("it does not begin as one")
        version, tensors, keys = struct.unpack_from("<IQQ", self._content, 4)
        if version not in VERSIONS or keys > _KEYS or tensors > _TENSORS:
            raise ValueError("its version, keys or tensors are none that are known")
        self._at = 24
        fields = dict(self._field() for _ in range(keys))
        stored = tuple(self._tensor() for _ in range(tensors))
        alignment = fields.get("general.alignment", _ALIGNMENT)
        step = alignment if isinstance(alignment, int) and alignment > 0 else _ALIGNMENT
        return GgufSummary(fields, stored, -(-self._at // step) * step, len(self._content))

    def _field(self) -> tuple[str, Scalar]:
        key, kind = self._string(), self._number("I")
        return f"{key}[]" if kind == _ARRAY else key, self._value(kind)

    def _tensor(self) -> StoredTensor:
        name, dimensions = self._string(), self._number("I")
        if dimensions > _DIMENSIONS:
            raise ValueError(f"a tensor has {dimensions:,} dimensions")
        shape = tuple(self._number("Q") for _ in range(dimensions))
        return StoredTensor(name, shape, self._number("I"), self._number("Q"))

    def _value(self, kind: int) -> Scalar:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._skip_array(0)
        if kind not in _SCALARS:
            raise ValueError(f"it holds a value of type {kind}")
        value = self._read(_SCALARS[kind])
        return bool(value) if kind == 7 else value

    def _skip_array(self, depth: int) -> int:
        """Step over an array; return its length."""
        kind, count = self._number("I"), self._number("Q")
        self._elements += count
        if self._elements > ELEMENTS or depth >= _NESTED:
            raise ValueError(f"its arrays have more than {ELEMENTS:,} elements")
        if kind in _SCALARS:
            self._skip(count * struct.calcsize(f"<{_SCALARS[kind]}"))
        elif kind == _STRING:
            self._skip_strings(count)
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip_array(depth + 1)
        else:
            raise ValueError("it holds an array of an unknown type")
        return count

    def _skip_strings(self, count: int) -> None:
        at, length_at, content = self._at, struct.Struct("<Q").unpack_from, self._content
        for _ in range(count):
            at += 8 + length_at(content, at)[0]
        self._at = at
        self._skip(0)

    def _string(self) -> str:
        length = self._number("Q")
        start = self._at
        self._skip(length)
        return self._content[start : start + min(length, _LONGEST)].decode("utf-8", "replace")

    def _number(self, form: str) -> int:
        return int(self._read(form))

    def _read(self, form: str) -> int | float:
        value: int | float = struct.unpack_from(f"<{form}", self._content, self._at)[0]
        self._at += struct.calcsize(f"<{form}")
        return value

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._content):
            raise ValueError("it ends in its header")
