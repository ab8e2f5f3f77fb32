"""The beginning of a file as far as it tells the format; file names and extensions are never believed."""

import csv
import re
from dataclasses import dataclass

from training.importers.reading.source import HEAD, Source

_ASSIGNMENT = re.compile(r"\s*(?:var\s+)?([\w.]+)\s*=\s*(?=[\[{])")
# an unclosed string is a token too, or each of its quotes would be tried as the beginning of one
_TOKEN = re.compile(r'("(?:[^"\\]++|\\.)*+"?+)(\s*+:)?|[][{}]', re.DOTALL)
_PICKLES = (b"(lp0\n", b"(dp0\n", b"]q\x00", b"}q\x00", *(bytes((0x80, version)) for version in (2, 3, 4, 5)))
_ARCHIVES, _TAR_MARK = (b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!"), 257
_KEY = 100  # characters of a key; no format has longer ones, and each path repeats those above it
_DEPTH = 16  # nested arrays and objects: no format is recognised by deeper keys
_HTML = re.compile(
    r"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype html|html)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class FileHead:
    """The first 64 KB of a file: its text, the variable that the JSON is assigned to, and the JSON's keys.

    Each key stands with its path from the root: `messages[].author.id`.
    """

    source: Source
    raw: bytes
    text: str
    variable: str
    keys: frozenset[str]

    @property
    def is_html(self) -> bool:
        return bool(_HTML.match(self.text))

    @property
    def is_pickle(self) -> bool:
        """True for a Python pickle: a list or dict in protocol 0 or 1, any object in protocols 2 to 5."""
        return self.raw.startswith(_PICKLES)

    @property
    def is_archive(self) -> bool:
        """True for a zip, tar, 7z or rar, which is no export itself."""
        return self.raw.startswith(_ARCHIVES) or self.raw[_TAR_MARK : _TAR_MARK + 5] == b"ustar"

    @property
    def columns(self) -> tuple[str, ...]:
        """The cells of the first line that is not empty, read as CSV; () for a line that is no CSV."""
        line = self.text.lstrip("\ufeff\r\n").partition("\n")[0].rstrip("\r")
        try:
            return tuple(name.strip() for name in next(csv.reader([line], strict=True), []))
        except csv.Error:
            return ()

    def has(self, *keys: str) -> bool:
        """Return True if the JSON has all these keys."""
        return self.keys.issuperset(keys)


def sniff_head(source: Source) -> FileHead:
    """Read the head of a file. Raises UserError for a file that cannot be read."""
    raw = source.head()
    text = _decode(raw)
    assignment = _ASSIGNMENT.match(text)
    body = text[assignment.end() :] if assignment else text
    return FileHead(source, raw, text, assignment[1] if assignment else "", _keys(body))


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if len(raw) >= HEAD and error.start > HEAD - 4:  # the head ends inside a character
            return raw[: error.start].decode()
        return raw.decode("gb18030", "replace")


def _keys(text: str) -> frozenset[str]:
    """The paths of all keys, found by tokens: the head of a document is no whole JSON."""
    if not text.lstrip()[:1] or text.lstrip()[0] not in "[{":
        return frozenset()
    found, paths, key = set[str](), [""], ""
    for token in _TOKEN.finditer(text):
        if token[2]:
            key = token[1][1 : min(len(token[1]) - 1, _KEY)]  # each path repeats those above it
            found.add(f"{paths[-1]}.{key}".lstrip("."))
        elif len(paths) > _DEPTH:
            break
        elif token[0] in "[{":
            path = paths[-1] if key == "" else f"{paths[-1]}.{key}".lstrip(".")
            paths.append(path + "[]" if token[0] == "[" else path)
            key = ""
        elif token[0] in "]}" and len(paths) > 1:
            paths.pop()
            key = ""
    return frozenset(found)
