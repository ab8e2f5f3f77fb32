"""The counts and lengths in a GGUF file's header, checked before any library reads them.

gguf's reader goes on past the end of a file: a header of a hundred bytes that claims 2**40 strings would keep
it busy for ever. It also makes a few objects of each element of an array.
"""

import mmap
import struct
from pathlib import Path

from bot.errors import UserError

MAGIC, VERSIONS = b"GGUF", (2, 3)
ELEMENTS = 3_000_000  # of all arrays; the largest vocabularies take half of that with their merges
_STRING, _ARRAY = 8, 9
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of a scalar by type
_LEAST = _WIDTHS | {_STRING: 8, _ARRAY: 12}  # bytes that an element of each type takes at least
_LEAST_KEY, _LEAST_TENSOR = 13, 24
_MOST_DIMENSIONS, _MOST_NESTED = 8, 4


class _BrokenHeader(Exception):
    """The header claims more than the file holds."""


def check_gguf_header(path: Path) -> None:
    """Raise `UserError` for a file that is no GGUF, or whose header claims more than the file holds."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _Header(content).walk()
    except (_BrokenHeader, ValueError, OSError) as error:
        raise UserError(f"{path} is no whole GGUF file ({error}): copy or download it again.") from None


class _Header:
    """A walk over the header; each step stays inside of the file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._at, self._elements = content, 0, 0

    def walk(self) -> None:
        if self._content[:4] != MAGIC:
            raise _BrokenHeader("it does not begin as one")
        self._skip(4)
        if (version := self._number(4)) not in VERSIONS:
            raise _BrokenHeader(f"its version is {version}")
        tensors, keys = self._number(8), self._number(8)
        self._check_count(keys, _LEAST_KEY)
        self._check_count(tensors, _LEAST_TENSOR)
        for _ in range(keys):
            self._string()
            self._value(self._number(4), 0)
        for _ in range(tensors):
            self._tensor()

    def _tensor(self) -> None:
        self._string()
        dimensions = self._number(4)
        if dimensions > _MOST_DIMENSIONS:
            raise _BrokenHeader(f"a tensor has {dimensions:,} dimensions")
        self._skip(8 * dimensions + 4 + 8)

    def _value(self, kind: int, depth: int) -> None:
        if kind == _STRING:
            self._string()
        elif kind == _ARRAY:
            self._array(depth + 1)
        elif kind in _WIDTHS:
            self._skip(_WIDTHS[kind])
        else:
            raise _BrokenHeader(f"it holds a value of type {kind}")

    def _array(self, depth: int) -> None:
        kind, count = self._number(4), self._number(8)
        if depth > _MOST_NESTED or kind not in _LEAST:
            raise _BrokenHeader("it holds an array of an unknown type")
        self._check_count(count, _LEAST[kind])
        self._elements += count
        if self._elements > ELEMENTS:
            raise _BrokenHeader(f"its arrays have more than {ELEMENTS:,} elements")
        if kind in _WIDTHS:
            self._skip(count * _WIDTHS[kind])
        else:
            for _ in range(count):
                self._value(kind, depth)

    def _check_count(self, count: int, least: int) -> None:
        if count * least > len(self._content) - self._at:
            raise _BrokenHeader(f"it claims {count:,} entries and has {len(self._content):,} bytes")

    def _string(self) -> None:
        self._skip(self._number(8))

    def _number(self, width: int) -> int:
        self._skip(width)
        return int(struct.unpack_from("<I" if width == 4 else "<Q", self._content, self._at - width)[0])

    def _skip(self, count: int) -> None:
        if count > len(self._content) - self._at:
            raise _BrokenHeader("it ends in its header")
        self._at += count
