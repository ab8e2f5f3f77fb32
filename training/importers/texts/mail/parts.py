"""One mail, line by line: its header and the text among its parts. Attachments are never kept in memory."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from training.importers.reading.html_text import html_words
from training.importers.texts.mail.headers import Headers, decode_body
from training.importers.texts.mail.html_quotes import before_quote

_MOST_BYTES, _MOST_TEXTS = 1 << 20, 8  # of the texts of one mail
_MOST_BOUNDARIES, _LONGEST_BOUNDARY = 16, 200  # nested parts; RFC 2046 allows 70 characters
_HTML = frozenset(("text/html", "text/x-amp-html", "text/watch-html"))
_ENRICHED = frozenset(("text/enriched", "text/richtext"))  # RFC 1896
_NO_WORDS = frozenset(
    f"text/{each}"
    for each in (
        "calendar css csv directory javascript rfc822-headers rtf tab-separated-values vcard x-diff x-patch "
        "x-vcalendar x-vcard xml"
    ).split()
)
_ENRICHED_MARK = re.compile(r"</?[A-Za-z][\w-]{0,60}+>")
_QUOTES = frozenset(("blockquote", "style", "script"))


class MailText(NamedTuple):
    """The text of a mail; with `is_flowed`, a line that ends in a blank goes on (RFC 3676)."""

    words: str = ""
    is_flowed: bool = False


class _TextPart(NamedTuple):
    headers: Headers
    lines: list[bytes]
    kind: str
    choice: int  # texts with the same number are versions of one another


class _Multipart(NamedTuple):
    boundary: bytes
    kind: str
    choice: int  # of the outermost multipart/alternative around; 0 outside


class Mail:
    """A mail to which its lines are added in order. `has_file` and `has_event` tell what else it holds."""

    def __init__(self) -> None:
        self.headers = Headers()
        self.has_file = self.has_event = False
        self._part, self._in_headers = self.headers, True
        self._around, self._delimiters = list[_Multipart](), set[bytes]()
        self._nameless = ""  # the kind of a multipart whose boundary its header does not tell
        self._texts, self._size, self._choices = list[_TextPart](), 0, 0
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
        elif (
            self._nameless and line[:2] == b"--" and self._begin_multipart(self._nameless, line[2:].rstrip())
        ):
            self._begin_part(line.rstrip()[2:])

    def _begin_part(self, name: bytes) -> None:
        """Go to a new part; behind the last part of a multipart, to nothing."""
        boundaries = [each.boundary for each in self._around]
        is_end = name not in boundaries
        boundary = name[:-2] if is_end else name
        del self._around[boundaries.index(boundary) + (not is_end) :]
        self._set_delimiters()
        self._lines, self._nameless, self._in_headers = None, "", not is_end
        if not is_end:
            self._part = Headers()

    def _begin_multipart(self, kind: str, boundary: bytes) -> bool:
        """Look for the parts of a multipart; return False where its boundary is none."""
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY or len(self._around) >= _MOST_BOUNDARIES:
            return False
        choice = self._around[-1].choice if self._around else 0
        if not choice and kind == "multipart/alternative":
            self._choices = choice = self._choices + 1
        self._around.append(_Multipart(boundary, kind, choice))
        self._set_delimiters()
        return True

    def _begin_body(self) -> None:
        """Decide by the header of a part whether its lines are kept."""
        around = self._around[-1] if self._around else _Multipart(b"", "", 0)
        kind = self._part.raw("content-type").partition(";")[0].strip().lower()
        kind = kind or ("message/rfc822" if around.kind == "multipart/digest" else "text/plain")
        is_attached = self._part.raw("content-disposition").partition(";")[0].strip().lower() == "attachment"
        self._lines = None
        if kind.startswith("multipart/"):
            boundary = self._part.parameter("content-type", "boundary").encode("utf-8", "replace")
            if not self._begin_multipart(kind, boundary):
                self._nameless = kind
        elif kind == "text/calendar" and not is_attached:
            self.has_event = True
        elif kind.startswith("text") and kind not in _NO_WORDS and not is_attached and not self._has_name():
            self._begin_text(kind, around.choice)
        elif is_attached or not kind.startswith("message/"):
            self.has_file = True

    def _has_name(self) -> bool:
        """Return whether a part is a file, also where it is shown among the words."""
        return bool(
            self._part.parameter("content-disposition", "filename")
            or self._part.parameter("content-type", "name")
        )

    def _begin_text(self, kind: str, choice: int) -> None:
        if len(self._texts) < _MOST_TEXTS:
            if not choice:
                self._choices = choice = self._choices + 1
            self._lines = []
            self._texts.append(_TextPart(self._part, self._lines, kind, choice))

    def _set_delimiters(self) -> None:
        self._delimiters = {b"--" + each.boundary + end for each in self._around for end in (b"", b"--")}

    def text(self) -> MailText:
        """Return the texts one below the other; of versions of one text, the plain one.

        The parts of a version that is chosen are all read. A text that is there twice is read once.
        """
        chosen, seen, is_flowed = list[str](), set[str](), False
        for words, part in self._versions():
            if (folded := "".join(words.split())) not in seen:
                seen.add(folded)
                is_flowed |= part.headers.parameter("content-type", "format").lower() == "flowed"
                chosen.append(words)
        return MailText("\n".join(chosen), is_flowed)

    def _versions(self) -> Iterator[tuple[str, _TextPart]]:
        """Yield the words of each part that is read, in order."""
        read = [(_words(part), part) for part in self._texts]
        kinds = dict[int, str]()
        for words, part in sorted(read, key=lambda each: _rank(each[1].kind)):
            if words.strip():
                kinds.setdefault(part.choice, part.kind)
        yield from (
            (words, part) for words, part in read if kinds.get(part.choice) == part.kind and words.strip()
        )


def _words(part: _TextPart) -> str:
    words = decode_body(b"\n".join(part.lines), part.headers).replace("\r\n", "\n")
    if part.kind in _HTML:
        return html_words(before_quote(words), _QUOTES)
    return _ENRICHED_MARK.sub("", words) if part.kind in _ENRICHED else words


def _rank(kind: str) -> int:
    """Return the place of a kind among the versions of one text: plain, other text, HTML."""
    return 0 if kind == "text/plain" else 2 if kind in _HTML else 1
