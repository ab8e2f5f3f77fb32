"""One mail, line by line: its header and the text among its parts. Attachments are never kept in memory."""

from typing import NamedTuple

from training.importers.reading.html_text import html_words
from training.importers.texts.mail.headers import Headers, decode_body

_MOST_BYTES, _MOST_TEXTS = 1 << 20, 8  # of the texts of one mail
_MOST_BOUNDARIES, _LONGEST_BOUNDARY = 16, 200  # nested parts; RFC 2046 allows 70 characters
_QUOTES = frozenset(("blockquote", "style", "script"))


class MailText(NamedTuple):
    """The text of a mail; with `is_flowed`, a line that ends in a blank goes on (RFC 3676)."""

    words: str = ""
    is_flowed: bool = False


class _TextPart(NamedTuple):
    headers: Headers
    lines: list[bytes]
    is_html: bool


class Mail:
    """A mail to which its lines are added in order. `has_file` and `has_event` tell what else it holds."""

    def __init__(self) -> None:
        self.headers = Headers()
        self.has_file = self.has_event = False
        self._part, self._in_headers = self.headers, True
        self._boundaries, self._delimiters = list[bytes](), set[bytes]()
        self._texts, self._size = list[_TextPart](), 0
        self._lines: list[bytes] | None = None  # of the part whose lines are kept

    def add_line(self, line: bytes) -> None:
        """Add a line without its end."""
        if line[:2] == b"--" and self._delimiters and line.rstrip() in self._delimiters:
            self._begin_part(line.rstrip()[2:])
        elif self._in_headers:
            if line:
                self._part.add_line(line)
            else:
                self._in_headers = False
                self._begin_body()
        elif self._lines is not None and self._size < _MOST_BYTES:
            self._size += len(line) + 1
            self._lines.append(line)

    def _begin_part(self, name: bytes) -> None:
        """Go to a new part; behind the last part of a multipart, to nothing."""
        is_end = name not in self._boundaries
        boundary = name[:-2] if is_end else name
        del self._boundaries[self._boundaries.index(boundary) + (not is_end) :]
        self._set_delimiters()
        self._lines, self._in_headers = None, not is_end
        if not is_end:
            self._part = Headers()

    def _begin_body(self) -> None:
        """Decide by the header of a part whether its lines are kept."""
        kind = self._part.raw("content-type").partition(";")[0].strip().lower() or "text/plain"
        disposition = self._part.raw("content-disposition").partition(";")[0].strip().lower()
        boundary = self._part.parameter("content-type", "boundary").encode("utf-8", "replace")
        self._lines = None
        if kind.startswith("multipart/"):
            if 0 < len(boundary) <= _LONGEST_BOUNDARY and len(self._boundaries) < _MOST_BOUNDARIES:
                self._boundaries.append(boundary)
                self._set_delimiters()
        elif kind == "text/calendar" and disposition != "attachment":
            self.has_event = True
        elif kind in ("text/plain", "text/html") and disposition != "attachment":
            if len(self._texts) < _MOST_TEXTS:
                self._lines = []
                self._texts.append(_TextPart(self._part, self._lines, kind == "text/html"))
        elif disposition == "attachment" or not kind.startswith(("text/", "message/")):
            self.has_file = True

    def _set_delimiters(self) -> None:
        self._delimiters = {b"--" + each + end for each in self._boundaries for end in (b"", b"--")}

    def text(self) -> MailText:
        """Return the first text with words: plain, or else of HTML without its quotes."""
        for part in sorted(self._texts, key=lambda part: part.is_html):
            words = decode_body(b"\n".join(part.lines), part.headers).replace("\r\n", "\n")
            if part.is_html:
                words = html_words(words, _QUOTES)
            if words.strip():
                flowed = part.headers.parameter("content-type", "format").lower() == "flowed"
                return MailText(words, flowed and not part.is_html)
        return MailText()
