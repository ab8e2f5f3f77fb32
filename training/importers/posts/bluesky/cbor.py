"""DAG-CBOR, the binary JSON of repositories (ipld.io/specs/codecs/dag-cbor), as far as records need it.

A value is decoded in time that grows with its bytes. Depth is bounded; each length must fit the bytes that
are left, and lengths without an end are refused, as the specification has it.
"""

import struct
from typing import Any, NamedTuple

_DEPTH = 64  # nested arrays and maps
_LINK_TAG = 42
_SIMPLE = {20: False, 21: True, 22: None}
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}  # bytes of the number behind the first byte


class Link(NamedTuple):
    """A link to another block: its content id (CID) in bytes."""

    cid: bytes


class CborError(ValueError):
    """The reason why bytes are no value."""


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_done(self) -> bool:
        return self._at == len(self._data)

    def value(self, depth: int = 0) -> Any:
        if depth > _DEPTH:
            raise CborError(f"it is nested more than {_DEPTH} deep")
        kind, number, is_float = self._head()
        if kind == 0:
            return number
        if kind == 1:
            return -1 - number
        if kind == 2:
            return self._take(number)
        if kind == 3:
            return self._take(number).decode()
        if kind == 4:
            return [self.value(depth + 1) for _ in range(self._count(number, 1))]
        if kind == 5:
            return dict(self._pair(depth + 1) for _ in range(self._count(number, 2)))
        return self._link(number) if kind == 6 else self._simple(number, is_float)

    def _head(self) -> tuple[int, int, bool]:
        """Return the kind of the next value, its number, and whether that number is a float's bits."""
        (first,) = self._take(1)
        kind, number = first >> 5, first & 0x1F
        if number < 24:
            return kind, number, False
        if number not in _SIZES:
            raise CborError("a length has no end")
        return kind, int.from_bytes(self._take(_SIZES[number])), number == 27

    def _pair(self, depth: int) -> tuple[str, Any]:
        key = self.value(depth)
        if not isinstance(key, str):
            raise CborError("a key is no text")
        return key, self.value(depth)

    def _count(self, count: int, least: int) -> int:
        """Return a number of values, each of which takes at least so many bytes."""
        if count * least > len(self._data) - self._at:
            raise CborError("it ends in the middle")
        return count

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise CborError("it ends in the middle")
        taken, self._at = self._data[self._at : end], end
        return taken

    def _link(self, tag: int) -> Link:
        kind, length, _ = self._head()
        if (tag, kind) != (_LINK_TAG, 2) or (cid := self._take(length))[:1] != b"\x00":
            raise CborError("a tag is no link")
        return Link(cid[1:])

    def _simple(self, number: int, is_float: bool) -> Any:
        if is_float:
            return struct.unpack(">d", number.to_bytes(8))[0]
        if number not in _SIMPLE:
            raise CborError("a value is of no kind")
        return _SIMPLE[number]


def decode_cbor(data: bytes) -> Any:
    """Return the value that these bytes are, as Python's own types and links. Raises CborError."""
    decoder = _Decoder(data)
    try:
        value = decoder.value()
    except UnicodeDecodeError:
        raise CborError("a text is not UTF-8") from None
    if not decoder.is_done:
        raise CborError("bytes are left over")
    return value
