"""JSON of any size in constant memory: arrays are read element by element, other values can be skipped."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from bot.json_fault import fault_byte
from training.importers.reading.decoding import Element, decode_error, decode_json
from training.importers.reading.json_scanner import JsonScanner
from training.importers.reading.source import CHUNK, Source

_LAST_LINE = re.compile(rb"\n[ \t]*\}\Z")
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\]{0,100}"\s*:')
_BETWEEN = re.compile(rb",[ \t]*+")


class JsonReader(JsonScanner):
    """A typed walk through one JSON document. Call the methods in the order of the document.

    `elements` guesses the end of a batch: an exporter writes every element in the same layout, so one search
    finds the last border between two elements in the buffer. Decoding proves the guess: bytes that begin at
    an element and decode as whole values leave no string and no bracket open, so they end at an element. A
    batch that does not decode is read again element by element, by counting brackets.
    """

    def __init__(self, source: Source, again: bool = False) -> None:
        super().__init__(source, again)
        self._doubtful = 0  # up to this byte of the file, elements are read one by one
        self.unreadable = 0  # elements that are valid JSON of another type

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; a value that the caller leaves is skipped."""
        self._take(b"{")
        while self.first() != b"}":
            key = self.value(str)
            self._take(b":")
            self.first()
            start = self._before + self._at
            yield key
            if self._before + self._at == start:
                self.skip()
            self._comma(b"}")
        self._at += 1

    def items(self) -> Iterator[int]:
        """Yield the indices of the array that begins here; an element that the caller leaves is skipped."""
        index = 0
        self._take(b"[")
        while self.first() != b"]":
            start = self._before + self._at
            yield index
            index += 1
            if self._before + self._at == start:
                self.skip()
            self._comma(b"]")
        self._at += 1

    def value(self, kind: type[Element]) -> Element:
        """Return the value that begins here. Raises UserError for broken JSON and for another type."""
        end = self._end()
        text, self._at = self._buffer[self._at : end], end
        try:
            return decode_json(msgspec.json.Decoder(kind), text)
        except (ValueError, RecursionError) as error:
            raise self._broken(decode_error(error), len(text) - fault_byte(error)) from None

    def elements(self, kind: type[Element]) -> Iterator[Element]:
        """Yield the elements of the array that begins here; `unreadable` counts those of another type."""
        one, many = msgspec.json.Decoder(kind), msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        border = b""
        self._take(b"[")
        while self.first() != b"]":
            if len(self._buffer) - self._at < CHUNK // 2:
                self._fill()
            if border and (batch := self._batch(border, many)) is not None:
                yield from batch
            else:
                border = border or self._border()
                yield from self._single(one)
            self._comma(b"]")
        self._at += 1

    def _batch(self, border: bytes, many: "msgspec.json.Decoder[list[Element]]") -> list[Element] | None:
        """Decode every element up to the last border in the buffer; None if those bytes do not decode."""
        if self._before + self._at < self._doubtful:
            return None
        found = self._last_border(border)
        if found < 0:  # the same bytes would be searched again for each element
            self._doubtful = self._before + len(self._buffer)
            return None
        end = self._buffer.index(b"}", found) + 1
        try:
            elements = decode_json(many, b"[%b]" % self._buffer[self._at : end])
        except (ValueError, RecursionError):
            self._doubtful = self._before + end
            return None
        self._at = end
        return elements

    def _last_border(self, border: bytes) -> int:
        """The last border of this array in the buffer, or -1; a later array may have the same border."""
        if border.startswith(b"\n"):
            end = self._buffer.find(border[:-1] + b"\n", self._at)  # the last element has no comma
            if end >= 0:
                return end
        return self._buffer.rfind(border, self._at)

    def _single(self, one: "msgspec.json.Decoder[Element]") -> Iterator[Element]:
        end = self._end()
        text, self._at = self._buffer[self._at : end], end
        try:
            yield decode_json(one, text)
        except msgspec.ValidationError:
            self.unreadable += 1
        except (ValueError, RecursionError) as error:
            raise self._broken(decode_error(error), len(text) - fault_byte(error)) from None

    def _border(self) -> bytes:
        """The bytes between two elements, from the last line or first key of the element that begins here."""
        end = self._end()
        text = self._buffer[self._at : end]
        if last := _LAST_LINE.search(text):
            return last[0] + b","
        key, between = _FIRST_KEY.match(text), _BETWEEN.match(self._buffer, end)
        return b"}%b%b" % (between[0], key[0]) if key and between else b""


def read_document(source: Source) -> Any:
    """Return a small document, whole."""
    return JsonReader(source, again=True).value(object)
