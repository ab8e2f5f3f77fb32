"""A place in a mapped GGUF file that never leaves the file."""

import mmap
import struct
from typing import Final

STRING, ARRAY, BOOL = 8, 9, 7
WIDTHS: Final = {
    0: 1,
    1: 1,
    2: 2,
    3: 2,
    4: 4,
    5: 4,
    6: 4,
    7: 1,
    10: 8,
    11: 8,
    12: 8,
}  # bytes of a scalar by type
MAX_ELEMENTS = 3_000_000  # of all arrays; the largest vocabularies take half of that with their merges
_LEAST = WIDTHS | {STRING: 8, ARRAY: 12}  # bytes that an element of each type takes at least
_MAX_NESTED = 4
_LENGTH, _SHORT = struct.Struct("<Q"), struct.Struct("<I")


class BrokenGguf(Exception):
    """A GGUF file contradicts itself, or claims more than it holds."""


class Cursor:
    """A place in the content of a GGUF file; each step stays inside of the content."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content, self.at, self._size, self._elements = content, 0, len(content), 0

    def skip(self, count: int) -> int:
        """Go on by `count` bytes; return the place before."""
        if count > self._size - self.at:
            raise BrokenGguf("it ends in its header")
        self.at += count
        return self.at - count

    def read_short(self) -> int:
        """Read an unsigned number of 4 bytes."""
        return int(_SHORT.unpack_from(self.content, self.skip(4))[0])

    def read_long(self) -> int:
        """Read an unsigned number of 8 bytes."""
        return int(_LENGTH.unpack_from(self.content, self.skip(8))[0])

    def read_name(self, longest: int) -> str:
        """Read a text of at most `longest` bytes."""
        length = self.read_long()
        if length > longest:
            raise BrokenGguf(f"it has a name of {length:,} bytes")
        begin = self.skip(length)
        try:
            return self.content[begin : self.at].decode()
        except UnicodeDecodeError:
            raise BrokenGguf("it has a name that is no text") from None

    def check_count(self, count: int, least: int) -> None:
        """Raise `BrokenGguf` where `count` entries of at least so many bytes do not fit into the rest."""
        if count * least > self._size - self.at:
            raise BrokenGguf(f"it claims {count:,} entries and has {self._size:,} bytes")

    def skip_value(self, kind: int, depth: int = 0) -> None:
        """Go on by a value of a type; raises `BrokenGguf` for an unknown type."""
        if kind == STRING:
            self.skip(self.read_long())
        elif kind == ARRAY:
            self._skip_array(depth + 1)
        elif kind in WIDTHS:
            self.skip(WIDTHS[kind])
        else:
            raise BrokenGguf(f"it holds a value of type {kind}")

    def _skip_array(self, depth: int) -> None:
        kind, count = self.read_short(), self.read_long()
        if depth > _MAX_NESTED or kind not in _LEAST:
            raise BrokenGguf("it holds an array of an unknown type")
        self.check_count(count, _LEAST[kind])
        self._elements += count
        if self._elements > MAX_ELEMENTS:
            raise BrokenGguf(f"its arrays have more than {MAX_ELEMENTS:,} elements")
        if kind == STRING:
            self._skip_strings(count)
        elif kind == ARRAY:
            for _ in range(count):
                self._skip_array(depth + 1)
        else:
            self.skip(count * WIDTHS[kind])

    def _skip_strings(self, count: int) -> None:
        """Go on by strings, in a loop that a vocabulary's hundred thousands take a tenth of a second in."""
        content, at, last, length_at = self.content, self.at, self._size - 8, _LENGTH.unpack_from
        for _ in range(count):
            if at > last:
                raise BrokenGguf("it ends in its header")
            at += 8 + length_at(content, at)[0]
        self.skip(at - self.at)
