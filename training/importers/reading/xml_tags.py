"""The tags of an XML file one by one, in constant memory: what stands between them is skipped.

No document type is read, so no entity can be declared and nothing outside the file is opened: the five
entities of XML and numbers are all that is replaced. Attributes that the caller does not want are skipped
without being kept, since a picture in base64 has megabytes. Some writers put each half of a surrogate pair
into a number of its own (`&#55357;&#56838;`), which XML forbids: they are joined.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from bot.errors import UserError
from training.importers.reading.source import Source

_LONGEST_TAG = 8 << 20  # bytes of the attributes that are kept, and of their names
_MOST_ATTRIBUTES = 1000
_NAME = re.compile(rb"/?+[A-Za-z_][\w:.-]*+")
_KEY = re.compile(rb"(?<![\w:.-])([A-Za-z_][\w:.-]{0,100}+)\s*+=\s*+\Z")
_PAIR = rb"[A-Za-z_][\w:.-]{0,100}+\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')"
_WHOLE = re.compile(rb"(/?+[A-Za-z_][\w:.-]*+)((?:\s++%b)*+)\s*+(/?+)>" % _PAIR)
_PAIRS = re.compile(rb"([A-Za-z_][\w:.-]{0,100}+)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_LAST = 200  # bytes before a quotation mark in which an attribute's name stands
_STOP = re.compile(rb"[>\"']")
_REFERENCE = re.compile(r"&(?:#(\d{1,7}+)|#[xX]([0-9A-Fa-f]{1,6}+)|(amp|lt|gt|quot|apos));")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Tag(NamedTuple):
    """A tag: `is_start` of `<a>` and `<a/>`, `is_end` of `</a>` and `<a/>`."""

    name: str
    attributes: dict[str, str]
    is_start: bool
    is_end: bool


def read_tags(source: Source, without: frozenset[str] = frozenset()) -> Iterator[Tag]:
    """Yield the tags of a file; attributes whose names are in `without` are not kept.

    Raises UserError for a document type, for a tag that does not close, and for one that is too long.
    """
    file = _XmlFile(source)
    while file.skip_past(b"<"):
        if file.begins(b"!--"):
            file.need_past(b"-->")
        elif file.begins(b"![CDATA["):
            file.need_past(b"]]>")
        elif file.begins(b"?"):
            file.need_past(b"?>")
        elif file.begins(b"!"):
            raise UserError(f"{source} declares a document type, which no backup does: it was not imported.")
        else:
            whole = file.take_tag()
            yield _whole_tag(file, whole, without) if whole else _read_tag(file, without)


def _whole_tag(file: "_XmlFile", tag: "re.Match[bytes]", without: frozenset[str]) -> Tag:
    """Return a tag that lies in memory from end to end, as most do."""
    attributes = {
        label: unescape_xml(_decode(file, pair[2] if pair[3] is None else pair[3]))
        for pair in _PAIRS.finditer(tag[2])
        if (label := pair[1].decode()) not in without
    }
    if len(attributes) > _MOST_ATTRIBUTES:
        file.fail("a tag has no end")
    return _tag(tag[1].decode(), attributes, bool(tag[3]))


def _tag(label: str, attributes: dict[str, str], is_empty: bool) -> Tag:
    is_close = label.startswith("/")
    return Tag(label.removeprefix("/"), attributes, not is_close, is_close or is_empty)


def _read_tag(file: "_XmlFile", without: frozenset[str]) -> Tag:
    """Read the tag whose name is next, piece by piece."""
    attributes, size = dict[str, str](), 0
    head = file.take_to_stop()
    name = _NAME.match(head)
    if not name:
        file.fail("a tag has no name")
    part = head[name.end() :]
    while not part.endswith(b">"):
        size += len(part)
        key = _KEY.search(part[:-1], max(0, len(part) - _LAST))
        if not key or size > _LONGEST_TAG or len(attributes) >= _MOST_ATTRIBUTES:
            file.fail("a tag has no end")
        label = key[1].decode()
        if label in without:
            file.need_past(part[-1:])
        else:
            value = file.take_past(part[-1:], _LONGEST_TAG - size)
            size += len(value)
            attributes[label] = unescape_xml(_decode(file, value))
        part = file.take_to_stop()
    return _tag(name[0].decode(), attributes, part[:-1].rstrip().endswith(b"/"))


def _decode(file: "_XmlFile", value: bytes) -> str:
    """Decode a value, also one that has the halves of a surrogate pair as characters."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        pass
    try:
        return _joined(value.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        file.fail("it is not UTF-8 text")


def unescape_xml(value: str) -> str:
    """Return a value with its references replaced, of a surrogate pair also those of its halves."""
    if "&" not in value:
        return value
    return _joined(_REFERENCE.sub(_character, value))


def _joined(value: str) -> str:
    """Join surrogate pairs; a half by itself becomes a replacement character."""
    if not _SURROGATE.search(value):
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _character(reference: "re.Match[str]") -> str:
    if reference[3]:
        return _ENTITIES[reference[3]]
    code = int(reference[1]) if reference[1] else int(reference[2], 16)
    return chr(code) if 0 < code < 0x110000 else "\ufffd"


class _XmlFile:
    """The bytes of a file, of which a chunk and a tag are in memory."""

    def __init__(self, source: Source) -> None:
        self._source, self._chunks = source, source.chunks()
        self._buffer, self._at = b"", 0

    def begins(self, mark: bytes) -> bool:
        """Return whether these bytes are next."""
        while len(self._buffer) - self._at < len(mark) and self._fill():
            pass
        return self._buffer.startswith(mark, self._at)

    def take_tag(self) -> "re.Match[bytes] | None":
        """Return the next tag, and go behind it; None where it does not lie in memory from end to end."""
        if found := _WHOLE.match(self._buffer, self._at):
            self._at = found.end()
        return found

    def skip_past(self, mark: bytes) -> bool:
        """Go behind the next such bytes; return False at the end of the file."""
        while (found := self._buffer.find(mark, self._at)) < 0:
            self._at = max(self._at, len(self._buffer) - len(mark) + 1)
            if not self._fill():
                return False
        self._at = found + len(mark)
        return True

    def need_past(self, mark: bytes) -> None:
        """Go behind the next such bytes. Raises UserError if there are none."""
        if not self.skip_past(mark):
            self.fail("it ends in the middle")

    def take_past(self, mark: bytes, longest: int) -> bytes:
        """Return what stands before the next such byte, and go behind that."""
        pieces, length = list[bytes](), 0
        while (found := self._buffer.find(mark, self._at)) < 0:
            pieces.append(self._buffer[self._at :])
            length += len(pieces[-1])
            self._at = len(self._buffer)
            if length > longest:
                self.fail("a tag has no end")
            if not self._fill():
                self.fail("it ends in the middle")
        pieces.append(self._buffer[self._at : found])
        self._at = found + 1
        return b"".join(pieces)

    def take_to_stop(self) -> bytes:
        """Return what stands before the next quotation mark or end of a tag, with that."""
        pieces, length = list[bytes](), 0
        while not (stop := _STOP.search(self._buffer, self._at)):
            pieces.append(self._buffer[self._at :])
            length += len(pieces[-1])
            self._at = len(self._buffer)
            if length > _LONGEST_TAG:
                self.fail("a tag has no end")
            if not self._fill():
                self.fail("it ends in the middle")
        pieces.append(self._buffer[self._at : stop.end()])
        self._at = stop.end()
        return b"".join(pieces)

    def fail(self, reason: str) -> NoReturn:
        """Raise UserError with the file and a reason."""
        raise UserError(f"{self._source} is no whole XML ({reason}): copy or export it again.")

    def _fill(self) -> bool:
        """Read the next chunk behind the bytes that are left; return False at the end of the file."""
        chunk = next(filter(None, self._chunks), b"")
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)
