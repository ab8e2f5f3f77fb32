"""The metadata of a GGUF file: typed values by key, read from the mapped file when asked for."""

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.engine.checkpoint.gguf.cursor import ARRAY, BOOL, STRING, WIDTHS, BrokenGguf

_FORMATS = {
    0: "<u1",
    1: "<i1",
    2: "<u2",
    3: "<i2",
    4: "<u4",
    5: "<i4",
    6: "<f4",
    7: "<u1",
    10: "<u8",
    11: "<i8",
}
_FORMATS |= {12: "<f8"}
_FLOATS = (6, 12)
_LONGEST_TEXT = 1 << 20  # bytes of a text that is read; the longest chat template has 20,000
_LONGEST_LIST = 32 << 20  # bytes of a list of texts that is read; the largest vocabularies have 6 million


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value's type and the place of its first byte."""

    kind: int
    begin: int


class Metadata(Mapping[str, StoredValue]):
    """Values by key. Getters return None for a missing key, and raise `BrokenGguf` for another type."""

    def __init__(self, content: mmap.mmap, values: Mapping[str, StoredValue]) -> None:
        self._content, self._values = content, values

    def __getitem__(self, key: str) -> StoredValue:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get_text(self, key: str) -> str | None:
        """Return a text."""
        if (value := self._typed(key, {STRING}, "text")) is None:
            return None
        text, _ = self._text_at(value.begin, key)
        return text

    def get_whole(self, key: str) -> int | None:
        """Return a whole number that is not negative."""
        value = self._typed(key, WIDTHS.keys() - {*_FLOATS, BOOL}, "whole number")
        if value is None:
            return None
        number = int(self._scalar(value))
        if number < 0:
            raise BrokenGguf(f"its {key} is negative")
        return number

    def get_number(self, key: str) -> float | None:
        """Return a number; one of 32 bits as the shortest decimal that rounds to it, as in config.json."""
        value = self._typed(key, WIDTHS.keys() - {BOOL}, "number")
        if value is None:
            return None
        number = float(str(self._scalar(value)))
        if not isfinite(number):
            raise BrokenGguf(f"its {key} is no number")
        return number

    def get_flag(self, key: str) -> bool | None:
        """Return a truth value."""
        value = self._typed(key, {BOOL}, "truth value")
        return None if value is None else bool(self._scalar(value))

    def get_numbers(self, key: str) -> NDArray[Any] | None:
        """Return an array of numbers, a view of the mapped file."""
        if (found := self._array(key)) is None:
            return None
        kind, count, begin = found
        if kind not in _FORMATS:
            raise BrokenGguf(f"its {key} is no list of numbers")
        return np.frombuffer(self._content, _FORMATS[kind], count, begin)

    def get_texts(self, key: str) -> list[str] | None:
        """Return a list of texts."""
        if (found := self._array(key)) is None:
            return None
        kind, count, at = found
        if kind != STRING:
            raise BrokenGguf(f"its {key} is no list of texts")
        return self._texts(count, at, key)

    def is_array(self, key: str) -> bool:
        """Return whether a key is there with an array."""
        return key in self._values and self._values[key].kind == ARRAY

    def _texts(self, count: int, at: int, key: str) -> list[str]:
        content, length_at, texts = self._content, struct.Struct("<Q").unpack_from, list[str]()
        last = at + _LONGEST_LIST
        try:
            for _ in range(count):
                end = at + 8 + length_at(content, at)[0]
                if end > last:
                    raise BrokenGguf(f"its {key} has more than {_LONGEST_LIST >> 20} MB")
                texts.append(content[at + 8 : end].decode())
                at = end
        except UnicodeDecodeError:
            raise BrokenGguf(f"its {key} holds bytes that are no text") from None
        return texts

    def _text_at(self, begin: int, key: str) -> tuple[str, int]:
        length = struct.unpack_from("<Q", self._content, begin)[0]
        if length > _LONGEST_TEXT:
            raise BrokenGguf(f"its {key} has {length:,} bytes")
        end = begin + 8 + length
        try:
            return self._content[begin + 8 : end].decode(), end
        except UnicodeDecodeError:
            raise BrokenGguf(f"its {key} is no text") from None

    def _typed(self, key: str, kinds: set[int], noun: str) -> StoredValue | None:
        value = self._values.get(key)
        if value is not None and value.kind not in kinds:
            raise BrokenGguf(f"its {key} is no {noun}")
        return value

    def _scalar(self, value: StoredValue) -> Any:
        return np.frombuffer(self._content, _FORMATS[value.kind], 1, value.begin)[0]

    def _array(self, key: str) -> tuple[int, int, int] | None:
        if (value := self._typed(key, {ARRAY}, "list")) is None:
            return None
        kind, count = struct.unpack_from("<IQ", self._content, value.begin)
        return kind, count, value.begin + 12
