"""A tar, plain or packed with gzip, as a list of sources.

A plain tar is read where it lies. A packed one is unpacked once, and what may hold messages is kept in a
temporary file without a name: a member could not be found again without unpacking all before it.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, cast

from bot.errors import UserError
from training.importers.reading.archive_bounds import (
    is_wanted_member,
    name_refusal,
    path_refusal,
    sum_refusal,
)
from training.importers.reading.source import CHUNK, Meter, Source
from training.importers.reading.tar_headers import (
    BLOCK,
    TarBytes,
    TarError,
    TarMember,
    is_header,
    read_members,
)

TAR_NAMES = (".tar", ".tgz", ".tar.gz")
_GZIP = b"\x1f\x8b"


class PlainBytes:
    """The bytes of a tar on disk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size, self.at = file, file.seek(0, io.SEEK_END), 0
        file.seek(0)

    def take(self, count: int) -> bytes:
        taken = self._file.read(count)
        self.at += len(taken)
        return taken

    def skip(self, count: int) -> None:
        if self.at + count > self._size:
            raise TarError("ends in the middle")
        self.at = self._file.seek(count, io.SEEK_CUR)


class UnpackedBytes:
    """The bytes of a tar that is packed. Raises UserError for a damaged or hostile gzip stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._chunk, self._start, self.at = chunks, b"", 0, 0

    def take(self, count: int) -> bytes:
        return b"".join(self._pieces(count))

    def skip(self, count: int) -> None:
        if sum(map(len, self._pieces(count))) < count:
            raise TarError("ends in the middle")

    def copy(self, count: int, kept: BinaryIO) -> None:
        """Write the next bytes to a file. Raises TarError at the end."""
        if sum(kept.write(piece) for piece in self._pieces(count)) < count:
            raise TarError("ends in the middle")

    def _pieces(self, count: int) -> Iterator[bytes]:
        while count:
            if self._start == len(self._chunk):
                self._chunk, self._start = next(self._chunks, b""), 0
            if not (piece := self._chunk[self._start : self._start + count]):
                return
            self._start += len(piece)
            self.at += len(piece)
            count -= len(piece)
            yield piece


class KeptBytes:
    """A temporary file without a name, which is gone with the last member that is read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def open(self) -> BinaryIO:
        return self.file

    def __del__(self) -> None:
        self.file.close()


class MemberFile(io.RawIOBase):
    """The bytes of one member, in a file that holds others too."""

    def __init__(self, file: BinaryIO, start: int, size: int, owned: bool) -> None:
        self._file, self._at, self._end, self._owned = file, start, start + size, owned

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        left = self._end - self._at
        self._file.seek(self._at)
        piece = self._file.read(left if count < 0 else min(count, left))
        self._at += len(piece)
        return piece

    def close(self) -> None:
        if self._owned:
            self._file.close()
        super().close()


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar, plain or packed, by the sum of its first header."""
    with suppress(UserError):
        return is_header(UnpackedBytes(_chunks(path)).take(BLOCK))
    return False


def tar_sources(path: Path, meter: Meter) -> list[Source]:
    """Return every member that may hold messages. Raises UserError for a damaged or hostile tar."""
    try:
        with path.open("rb") as file:
            if file.read(len(_GZIP)) == _GZIP:
                return _packed(path, meter)
            return _plain(path, PlainBytes(file), meter)
    except TarError as error:
        remedy = "" if "imported" in str(error) else ": copy or download it again"
        raise UserError(f"{path} {error}{remedy}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None


def _chunks(path: Path) -> Iterator[bytes]:
    return Source(str(path), "", path.stat().st_size, _opened(path)).chunks(again=True)


def _opened(path: Path) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, path.open("rb", buffering=0))


def _plain(path: Path, tar: PlainBytes, meter: Meter) -> list[Source]:
    return [
        _source(path, member, meter, _opened(path), tar.at, owned=True)
        for member in _checked(tar)
        if member.is_file and is_wanted_member(member.path)
    ]


def _packed(path: Path, meter: Meter) -> list[Source]:
    tar, found = UnpackedBytes(_chunks(path)), list[Source]()
    with ExitStack() as refused:
        kept = KeptBytes(cast(BinaryIO, refused.enter_context(tempfile.TemporaryFile())))
        for member in _checked(tar):
            if member.is_file and is_wanted_member(member.path):
                found.append(_source(path, member, meter, kept.open, kept.file.tell(), owned=False))
                tar.copy(member.size, kept.file)
        while tar.take(CHUNK):  # up to the end, which proves that the packed stream is whole
            continue
        refused.pop_all()  # it stays open for its members
    return found


def _checked(tar: TarBytes) -> Iterator[TarMember]:
    """Yield the members. Raises TarError for names, numbers and sizes that no exporter would write."""
    names, total = list[str](), 0
    for number, member in enumerate(read_members(tar), 1):
        total += member.size
        if reason := path_refusal(member.path) or sum_refusal(number, total):
            raise TarError(f"was not imported: {reason}")
        if member.is_file:
            names.append(member.path)
        yield member
    if reason := name_refusal(names):
        raise TarError(f"was not imported: {reason}")


def _source(
    path: Path, member: TarMember, meter: Meter, opened: Callable[[], BinaryIO], start: int, owned: bool
) -> Source:
    def member_file() -> BinaryIO:
        return cast(BinaryIO, MemberFile(opened(), start, member.size, owned))

    return Source(str(path), member.path, member.size, member_file, meter)
