"""The beginning of a file, as far as it tells the format: names and endings are never believed."""

import csv
import re
from dataclasses import dataclass

from training.importers.reading.source import HEAD, Source

_ASSIGNMENT = re.compile(r"\s*(?:var\s+)?([\w.]+)\s*=\s*(?=[\[{])")
_TOKEN = re.compile(r'("(?:[^"\\]++|\\.)*+")(\s*+:)?|[][{}]', re.DOTALL)
_PICKLES = (
    b"(lp0\n",
    b"(dp0\n",
    b"]q\x00",
    b"}q\x00",
    *(bytes((0x80, protocol)) for protocol in range(2, 6)),
)
_DEPTH = 16  # no format says who it is deeper down
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the first 64 KB show: the text, the variable it is assigned to, and every key of its JSON.

    A key is given with its way from the root: `messages[].author.id`.
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
        """A Python pickle: a list or dict in protocol 0 or 1, any object in protocols 2 to 5."""
        return self.raw.startswith(_PICKLES)

    @property
    def columns(self) -> tuple[str, ...]:
        """The first row, if this is a table with a comma or a tab between columns."""
        line = self.text.lstrip("\ufeff").partition("\n")[0].rstrip("\r")
        try:
            return tuple(name.strip() for name in next(csv.reader([line], strict=True), []))
        except csv.Error:
            return ()

    def has(self, *keys: str) -> bool:
        """Whether all these keys are there."""
        return self.keys.issuperset(keys)


def sniff(source: Source) -> FileHead:
    """Look at a file; raise `UserError` where it cannot be read."""
    raw = source.head()
    text = _text(raw)
    assignment = _ASSIGNMENT.match(text)
    body = text[assignment.end() :] if assignment else text
    return FileHead(source, raw, text, assignment[1] if assignment else "", _keys(body))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if len(raw) >= HEAD and error.start > HEAD - 4:  # a character was cut
            return raw[: error.start].decode()
        return raw.decode("gb18030", "replace")


def _keys(text: str) -> frozenset[str]:
    if not text.lstrip()[:1] or text.lstrip()[0] not in "[{":
        return frozenset()
    found, way, key = set[str](), [""], ""
    for token in _TOKEN.finditer(text):
        if token[2]:
            key = token[1][1:-1]
            found.add(f"{way[-1]}.{key}".lstrip("."))
        elif len(way) > _DEPTH:
            break
        elif token[0] in "[{":
            here = way[-1] if key == "" else f"{way[-1]}.{key}".lstrip(".")
            way.append(here + "[]" if token[0] == "[" else here)
            key = ""
        elif token[0] in "]}" and len(way) > 1:
            way.pop()
            key = ""
    return frozenset(found)
