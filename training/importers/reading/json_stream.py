"""JSON of any size in constant memory: arrays come in typed elements, the rest can be walked or skipped."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from bot.errors import UserError
from training.importers.reading.decoding import VALUE, Element, decode, reason
from training.importers.reading.source import CHUNK, Source

DEPTH = 128  # arrays and objects in each other

_OPENING = re.compile(rb"[{\[]")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^][{}\",:\s]++")
_BRACKET = re.compile(rb'(?:[^]["{}]++|"(?:[^"\\]++|\\.)*+")*+([][{}])', re.DOTALL)
_LAST_LINE = re.compile(rb"\n[ \t]*\}\Z")
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\]{0,100}"\s*:')
_BETWEEN = re.compile(rb",[ \t]*+")


class Truncated(UserError):
    """The file ends in the middle."""


class Json:
    """A walk through one JSON document. Methods must be called in the order of the document.

    Where an element ends is guessed: exporters write every element in the same way, so that the last border
    in a buffer is found by one search. Decoding proves the guess: a text that begins where an element begins
    and decodes as whole values ends where one ends, since no string and no bracket is left open. Where it
    does not decode, brackets are counted.
    """

    def __init__(self, source: Source, again: bool = False) -> None:
        self._source, self._chunks = source, source.chunks(again)
        self._buffer, self._at, self._before = b"", 0, 0
        self._doubtful = 0  # up to this byte of the file, elements are taken one by one
        self.unreadable = 0  # elements that are valid JSON and not of the kind

    def skip_assignment(self) -> None:
        """Go to the first bracket: the files of X assign their JSON to a variable."""
        while not (found := _OPENING.search(self._buffer, self._at)):
            self._at = len(self._buffer)
            if not self._fill():
                raise Truncated(f"{self._source} holds no data: download the archive again.")
        self._at = found.start()

    def first(self) -> bytes:
        """The next character that is not white space; raise `Truncated` at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._fill():
                raise Truncated(f"{self._source} ends in the middle: export or copy it again.")

    def at_end(self) -> bool:
        """Whether nothing but white space is left."""
        try:
            return not self.first()
        except Truncated:
            return True

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; a value that is not read before the next is skipped."""
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

    def value(self, kind: type[Element]) -> Element:
        """The value that begins here, whole; raise `UserError` if it is broken or of another kind."""
        end = self._end()
        text, self._at = self._buffer[self._at : end], end
        try:
            return decode(msgspec.json.Decoder(kind), text)
        except (ValueError, RecursionError) as error:
            raise self._broken(reason(error)) from None

    def skip(self) -> None:
        """Go past the value that begins here, however long it is."""
        if self.first() in b"[{":
            self._close(keep=False)
        else:
            self._at = self._end()

    def items(self) -> Iterator[int]:
        """The numbers of the elements of the array that begins here; one that is not read is skipped."""
        number = 0
        self._take(b"[")
        while self.first() != b"]":
            start = self._before + self._at
            yield number
            number += 1
            if self._before + self._at == start:
                self.skip()
            self._comma(b"]")
        self._at += 1

    def elements(self, kind: type[Element]) -> Iterator[Element]:
        """The elements of the array that begins here; those of another kind are counted and left out."""
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

    def _comma(self, closing: bytes) -> None:
        if self.first() == b",":
            self._at += 1
        elif self.first() != closing:
            raise self._broken("a comma is missing")

    def _batch(self, border: bytes, many: "msgspec.json.Decoder[list[Element]]") -> list[Element] | None:
        """Every element up to the last border in the buffer, or None where that guess does not hold."""
        found = self._last_border(border)
        if found < 0 or self._before + self._at < self._doubtful:
            return None
        end = self._buffer.index(b"}", found) + 1
        try:
            elements = decode(many, b"[%b]" % self._buffer[self._at : end])
        except (ValueError, RecursionError):
            self._doubtful = self._before + end
            return None
        self._at = end
        return elements

    def _last_border(self, border: bytes) -> int:
        """The last border of this array in the buffer, or -1; another array behind it may have the same."""
        if border.startswith(b"\n"):
            end = self._buffer.find(border[:-1] + b"\n", self._at)  # the last element has no comma
            if end >= 0:
                return end
        return self._buffer.rfind(border, self._at)

    def _single(self, one: "msgspec.json.Decoder[Element]") -> Iterator[Element]:
        end = self._end()
        text, self._at = self._buffer[self._at : end], end
        try:
            yield decode(one, text)
        except msgspec.ValidationError:
            self.unreadable += 1
        except (ValueError, RecursionError) as error:
            raise self._broken(reason(error)) from None

    def _border(self) -> bytes:
        """What stands behind the element that begins here: known by its last line, or by its first key."""
        end = self._end()
        text = self._buffer[self._at : end]
        if last := _LAST_LINE.search(text):
            return last[0] + b","
        key, between = _FIRST_KEY.match(text), _BETWEEN.match(self._buffer, end)
        return b"}%b%b" % (between[0], key[0]) if key and between else b""

    def _take(self, wanted: bytes) -> None:
        if (found := self.first()) != wanted:
            raise self._broken(f"{wanted.decode()} is missing, {found.decode('latin-1')} stands there")
        self._at += 1

    def _end(self) -> int:
        """Where the value that begins here ends; all of it is in the buffer then."""
        first = self.first()
        if first in b"[{":
            return self._close(keep=True)
        pattern = _STRING if first == b'"' else _SCALAR
        while True:
            found = pattern.match(self._buffer, self._at)
            if found and (first == b'"' or found.end() < len(self._buffer)):
                return found.end()
            self._guard(self._at)
            if not self._fill():
                if found:
                    return found.end()
                raise Truncated(f"{self._source} ends in the middle: export or copy it again.")
            if not found and first != b'"':
                raise self._broken("a value is missing")

    def _close(self, keep: bool) -> int:
        """The end of the array or object that begins here: kept in the buffer, or left behind."""
        at, depth = self._at, 0
        while True:
            if not (found := _BRACKET.match(self._buffer, at)):
                if not keep:
                    self._at = at
                self._guard(self._at)
                at -= self._at
                if not self._fill():
                    raise Truncated(f"{self._source} ends in the middle: export or copy it again.")
                at += self._at
                continue
            at = found.end()
            depth += 1 if found[1] in b"[{" else -1
            if depth > DEPTH:
                raise self._broken(f"it is nested more than {DEPTH} deep")
            if depth == 0:
                if not keep:
                    self._at = at
                return at

    def _guard(self, start: int) -> None:
        if len(self._buffer) - start > VALUE:
            raise UserError(
                f"{self._source} has a single value of more than {VALUE >> 20} MB: it is no export."
            )

    def _fill(self) -> bool:
        """Read on, and let go of what is behind."""
        chunk = next(self._chunks, b"")
        while len(chunk) < len(self._buffer) - self._at and (more := next(self._chunks, b"")):
            chunk += more
        self._before += self._at
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def _broken(self, reason: str) -> UserError:
        where = self._before + self._at
        return UserError(f"{self._source} is not valid JSON near byte {where:,} ({reason}): export it again.")


def root(source: Source) -> Any:
    """A small document, whole."""
    return Json(source, again=True).value(object)
