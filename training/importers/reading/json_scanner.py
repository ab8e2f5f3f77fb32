"""The buffer of a JSON document that is read in chunks, and the search for the ends of its values."""

import re

from bot.errors import UserError
from training.importers.reading.decoding import VALUE_LIMIT
from training.importers.reading.source import Source

DEPTH = 128  # nested arrays and objects

_OPENING = re.compile(rb"[{\[]")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^][{}\",:\s]++")
_BRACKET = re.compile(rb'(?:[^]["{}]++|"(?:[^"\\]++|\\.)*+")*+([][{}])', re.DOTALL)


class TruncatedJson(UserError):
    """The document ends in the middle of a value."""


class JsonScanner:
    """A position in a JSON document of any size; the buffer holds the bytes from there on.

    `_at` is the position in the buffer, `_before` the bytes of the document before the buffer.
    """

    def __init__(self, source: Source, again: bool = False) -> None:
        self._source, self._chunks = source, source.chunks(again)
        self._buffer, self._at, self._before = b"", 0, 0
        self._is_whole = False  # no byte of the document is behind the buffer

    def skip_assignment(self) -> None:
        """Go to the first bracket: each file of an X archive assigns its JSON to a variable."""
        while not (opening := _OPENING.search(self._buffer, self._at)):
            self._at = len(self._buffer)
            if not self._fill():
                raise TruncatedJson(f"{self._source} holds no data: download the archive again.")
        self._at = opening.start()

    def first(self) -> bytes:
        """Return the next character that is not white space. Raises TruncatedJson at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._fill():
                raise self._truncated()

    def at_end(self) -> bool:
        """Return True if only white space is left."""
        try:
            return not self.first()
        except TruncatedJson:
            return True

    def skip(self) -> None:
        """Go past the value that begins here, however long it is."""
        if self.first() in b"[{":
            self._close(keep=False)
        else:
            self._at = self._end()

    def _take(self, wanted: bytes) -> None:
        if (found := self.first()) != wanted:
            raise self._broken(f"{wanted.decode()} is missing, {found.decode('latin-1')} stands there")
        self._at += 1

    def _comma(self, closing: bytes) -> None:
        if self.first() == b",":
            self._at += 1
        elif self.first() != closing:
            raise self._broken("a comma is missing")

    def _end(self) -> int:
        """Return the end of the value that begins here, with the whole value in the buffer."""
        first = self.first()
        if first in b"[{":
            return self._close(keep=True)
        pattern = _STRING if first == b'"' else _SCALAR
        while True:
            found = pattern.match(self._buffer, self._at)
            if found and (first == b'"' or found.end() < len(self._buffer)):
                return found.end()
            self._check_size(self._at)
            if not self._fill():
                if found:
                    return found.end()
                raise self._truncated()
            if not found and first != b'"':
                raise self._broken("a value is missing")

    def _close(self, keep: bool) -> int:
        """Return the end of the array or object that begins here; without `keep`, drop its bytes."""
        at, depth = self._at, 0
        while True:
            if not (bracket := _BRACKET.match(self._buffer, at)):
                if not keep:
                    self._at = at
                self._check_size(self._at)
                at -= self._at
                if not self._fill():
                    raise self._truncated()
                at += self._at
                continue
            at = bracket.end()
            depth += 1 if bracket[1] in b"[{" else -1
            if depth > DEPTH:
                raise self._broken(f"it is nested more than {DEPTH} deep")
            if depth == 0:
                if not keep:
                    self._at = at
                return at

    def _check_size(self, start: int) -> None:
        if len(self._buffer) - start > VALUE_LIMIT:
            raise UserError(
                f"{self._source} has a single value of more than {VALUE_LIMIT >> 20} MB: it is no export."
            )

    def _fill(self) -> bool:
        """Drop the bytes before the position and read at least as many as are left; False at the end."""
        if self._is_whole:
            return False
        kept = self._buffer[self._at :]
        chunks, missing = [kept], max(len(kept), 1)
        while missing > 0 and (chunk := next(self._chunks, b"")):
            chunks.append(chunk)
            missing -= len(chunk)
        self._is_whole = missing > 0
        self._before += self._at
        self._buffer, self._at = b"".join(chunks), 0
        return len(chunks) > 1

    def _truncated(self) -> TruncatedJson:
        return TruncatedJson(f"{self._source} ends in the middle: export or copy it again.")

    def _broken(self, reason: str) -> UserError:
        where = self._before + self._at
        return UserError(f"{self._source} is not valid JSON near byte {where:,} ({reason}): export it again.")
