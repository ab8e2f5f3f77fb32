"""One file of an export: on disk, in a zip or packed with gzip. Files are opened for reading only."""

import codecs
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO
from zipfile import BadZipFile

from bot.errors import UserError

CHUNK = 128 << 10  # bytes read at once: a chunk and its messages fit in the processor's cache
_SLICE = 4 << 10  # packed bytes: at the end of each gzip stream, the rest of its slice is copied
HEAD = 64 << 10  # bytes that tell a format: base64 avatars push keys past 8 KB
_RATIO = 200  # unpacked bytes for one packed byte: more is a bomb
_LINE = 16 << 20  # characters of the longest line
WAL = "-wal"  # behind a database's name: what was written last and is not in its file yet
_GZIP = b"\x1f\x8b"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_BROKEN = (OSError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError)


@dataclass(slots=True)
class Meter:
    """A callback with the bytes of each chunk read, as they lie in the export, for a progress bar."""

    tell: Callable[[int], None] = lambda count: None


@dataclass(frozen=True, slots=True)
class Source:
    """One file below a path that the user named: `path` is relative to `root`, "" for the root itself.

    `size` is in bytes; `opened` opens the raw bytes. `log` is the write-ahead log beside a database in an
    archive.
    """

    root: str
    path: str
    size: int
    opened: Callable[[], BinaryIO] = field(repr=False)
    meter: Meter = field(default_factory=Meter, repr=False)
    log: "Source | None" = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.root}: {self.path}" if self.path else self.root

    @property
    def name(self) -> str:
        """The last part of the path."""
        return (self.path or self.root).replace("\\", "/").rpartition("/")[2]

    @property
    def label(self) -> str:
        """The name that messages keep as their source, without the folders of this computer."""
        root = self.root.replace("\\", "/").rstrip("/").rpartition("/")[2]
        return f"{root}/{self.path}" if self.path else root

    def chunks(self, again: bool = False) -> Iterator[bytes]:
        """Yield the file's bytes, unpacked, with UTF-16 as UTF-8, and without a byte order mark.

        `again` keeps a second reading out of the progress bar. Raises UserError for an unreadable file.
        """
        raw = self._raw(again)
        first = next(raw, b"")
        if first[:2] == _GZIP:
            raw = _unpacked(first, raw, self)
            first = next(raw, b"")
        if encoding := _UTF16.get(first[:2]):
            yield from _recoded(first[2:], raw, encoding, self)
            return
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from raw

    def head(self) -> bytes:
        """Return the first HEAD bytes as `chunks` gives them."""
        head = b""
        for chunk in self.chunks(again=True):
            head += chunk
            if len(head) >= HEAD:
                break
        return head[:HEAD]

    def lines(self, again: bool = False) -> Iterator[str]:
        """Yield the lines of a text in UTF-8, UTF-16 or GB 18030, without their line ends.

        Raises UserError for another encoding and for a line of more than 16 M characters.
        """
        rest, length = list[str](), 0  # of a line without an end so far
        try:
            for piece in self._decoded(again):
                first, *others = piece.split("\n")
                rest.append(first)
                if others:
                    yield "".join(rest).removesuffix("\r")
                    yield from (line.removesuffix("\r") for line in others[:-1])
                    rest, length = others[-1:], 0
                length += len(rest[-1])
                if length > _LINE:
                    raise UserError(f"{self} has a line of more than {_LINE:,} characters: it is no chat.")
        except UnicodeDecodeError as error:
            raise UserError(f"{self} is damaged: its text cannot be decoded ({error.reason}).") from None
        if last := "".join(rest):
            yield last.removesuffix("\r")

    def _decoded(self, again: bool) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self._encoding())()
        yield from map(decoder.decode, self.chunks(again))
        yield decoder.decode(b"", final=True)

    def _encoding(self) -> str:
        head = self.head()
        for encoding in ("utf-8", "gb18030"):
            try:
                codecs.getincrementaldecoder(encoding)().decode(head)
            except UnicodeDecodeError:
                continue
            return encoding
        raise UserError(f"{self} is neither UTF-8 nor GB 18030 text: save it as UTF-8 and import it again.")

    def _raw(self, again: bool) -> Iterator[bytes]:
        read = 0
        try:
            with self.opened() as file:
                while chunk := file.read(CHUNK):
                    read += len(chunk)
                    if not again:
                        self.meter.tell(len(chunk))
                    yield chunk
            if read < self.size:
                raise EOFError(f"{read:,} bytes of {self.size:,}")
        except _BROKEN as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise UserError(f"{self} cannot be read ({reason}): copy or export it again.") from None


def _unpacked(packed: bytes, raw: Iterator[bytes], source: Source) -> Iterator[bytes]:
    """Unpack gzip in pieces of at most CHUNK bytes; a file may hold several streams (RFC 1952, 2.2)."""
    chunks = chain([packed], raw)
    slices = (chunk[at : at + _SLICE] for chunk in chunks for at in range(0, len(chunk), _SLICE))
    stream, read, unpacked, packed = zlib.decompressobj(wbits=31), 0, 0, next(slices)
    while packed:
        read += len(packed)
        piece = packed
        while piece:
            try:
                piece = stream.decompress(packed, CHUNK)
            except zlib.error as error:
                raise UserError(f"{source} is damaged ({error}): copy or download it again.") from None
            unpacked += len(piece)
            if unpacked > max(read * _RATIO, 8 * CHUNK):
                raise UserError(
                    f"{source} unpacks to more than {_RATIO} times its size: it is not an export."
                )
            if piece:
                yield piece
            packed = stream.unconsumed_tail
            if stream.eof and stream.unused_data[:2] == _GZIP:
                packed, stream = stream.unused_data, zlib.decompressobj(wbits=31)
                piece = packed
        packed = next(slices, b"")
    if not stream.eof:
        raise UserError(f"{source} ends in the middle: copy or download it again.")


def _recoded(first: bytes, raw: Iterator[bytes], encoding: str, source: Source) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        yield decoder.decode(first).encode()
        for chunk in raw:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise UserError(f"{source} is damaged: it begins as UTF-16 and is not ({error}).") from None
