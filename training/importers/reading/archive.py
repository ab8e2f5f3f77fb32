"""Archives and folders as lists of sources. A zip is read member by member and never extracted to disk."""

import os
import stat
import struct
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from bot.errors import UserError
from training.importers.reading.archive_bounds import (
    MEMBERS,
    is_wanted,
    is_wanted_member,
    name_refusal,
    path_refusal,
    sum_refusal,
)
from training.importers.reading.source import WAL, Meter, Source
from training.importers.reading.tar_archive import TAR_NAMES, is_tar, tar_sources

_DIRECTORY = 24 << 20  # bytes of the central directory
_RATIO = 200  # unpacked bytes for one packed byte: more is a bomb; indented JSON reaches 40
_SMALL = 1 << 20  # bytes: an unpacked member up to this size may have any ratio
_TAIL = 22 + 0xFFFF  # bytes: the end record and the longest comment behind it (APPNOTE.TXT 4.3.16)
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_METHODS = {8: "Deflate", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}


def list_sources(path: Path, meter: Meter) -> list[Source]:
    """Return every file below a path that may hold messages.

    Raises UserError for a missing or unreadable path and for a damaged or hostile zip.
    """
    if not path.exists():
        raise UserError(f"There is nothing at {path}: check the path of the export.")
    if path.is_dir():
        return _folder(path, meter)
    if not path.is_file():
        raise UserError(f"{path} is neither a file nor a folder: name an export.")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    if head in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _zip(path, meter)
    if is_tar(path):
        return _with_logs(tar_sources(path, meter))
    return [Source(str(path), "", path.stat().st_size, lambda: path.open("rb", buffering=0), meter)]


def _folder(root: Path, meter: Meter) -> list[Source]:
    found: list[Source] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if is_wanted(name) or _is_maildir(Path(folder, name)))
        for name in sorted(filter(is_wanted, names)):
            path = Path(folder, name)
            if path.is_symlink() or not path.is_file():
                continue
            if len(found) >= MEMBERS:
                raise UserError(f"{root} holds more than {MEMBERS:,} files: name the folder of one export.")
            if path.suffix == ".zip":
                found += _zip(path, meter)
            elif name.lower().endswith(TAR_NAMES) and is_tar(path):
                found += _with_logs(tar_sources(path, meter))
            else:
                found.append(_file(root, path, meter))
    return found


def _file(root: Path, path: Path, meter: Meter) -> Source:
    return Source(
        str(root),
        path.relative_to(root).as_posix(),
        path.stat().st_size,
        lambda: cast(BinaryIO, path.open("rb", buffering=0)),
        meter,
    )


def _is_maildir(path: Path) -> bool:
    """True for a folder of mails: those below the first begin with a dot (Maildir++)."""
    return (path / "cur").is_dir() and (path / "new").is_dir()


def _zip(path: Path, meter: Meter) -> list[Source]:
    try:
        with ExitStack() as refused:
            file = refused.enter_context(path.open("rb"))
            _check_directory(path, file)
            archive = ZipFile(file)
            members = archive.infolist()
            _check_members(path, members)
            refused.pop_all()
        weakref.finalize(archive, file.close)  # when the last of its members is gone
    except (BadZipFile, OSError, ValueError, struct.error, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path} is a damaged zip ({error}): copy or download it again.") from None
    return _with_logs([_member(path, archive, member, meter) for member in members if _is_wanted(member)])


def _with_logs(sources: list[Source]) -> list[Source]:
    """Return the sources of an archive; each database has the write-ahead log beside it."""
    logs = {source.path.removesuffix(WAL): source for source in sources if source.path.endswith(WAL)}
    return [replace(each, log=logs[each.path]) if each.path in logs else each for each in sources]


def _member(path: Path, archive: ZipFile, member: ZipInfo, meter: Meter) -> Source:
    return Source(
        str(path), member.filename, member.file_size, lambda: cast(BinaryIO, archive.open(member)), meter
    )


def _is_wanted(member: ZipInfo) -> bool:
    return not member.is_dir() and is_wanted_member(member.filename)


def _check_directory(path: Path, file: BinaryIO) -> None:
    """Refuse a central directory that is too long or lies outside the file, before zipfile reads it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise UserError(f"{path} ends in the middle of a zip: copy or download it again.")
    count, length, offset = struct.unpack("<10xHLL", tail[at : at + 20])
    if (count, length, offset) != (0, 0, 0) and tail[at - 20 : at - 16] == _LOCATOR:
        file.seek(struct.unpack("<8xQ", tail[at - 20 : at - 4])[0])
        if (end := file.read(56))[:4] != _END64:
            raise UserError(f"{path} is a zip whose end lies about itself: it is not an export.")
        count, length, offset = struct.unpack("<32xQQQ", end)
    if count > MEMBERS or length > _DIRECTORY:
        raise UserError(f"{path} holds more than {MEMBERS:,} files: pack the folder of one export.")
    if offset + length > size:
        raise UserError(f"{path} is a zip whose list of files lies outside it: it is not an export.")


def _check_members(path: Path, members: list[ZipInfo]) -> None:
    """Refuse the whole archive for one member that no exporter would write."""
    if len(members) > MEMBERS:
        raise UserError(f"{path} holds more than {MEMBERS:,} files: pack the folder of one export.")
    for member in members:
        if reason := _refusal(member):
            raise UserError(f"{path} was not imported: {reason}.")
    names, total = [member.filename for member in members], sum(member.file_size for member in members)
    if reason := name_refusal(names) or sum_refusal(len(names), total):
        raise UserError(f"{path} was not imported: {reason}.")
    if not all(_are_apart(members, path.stat().st_size)):
        raise UserError(f"{path} was not imported: its files lie on top of each other.")


def _refusal(member: ZipInfo) -> str:
    """The reason not to read this member, or ""."""
    name = repr(member.filename[:60])
    if member.flag_bits & 0x41:
        return f"{name} is encrypted. Unpack the archive with its password and name the folder"
    if reason := path_refusal(member.orig_filename):
        return reason
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"{name} is a link or a device"
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        method = _METHODS.get(member.compress_type, f"method {member.compress_type}")
        return f"{name} is packed with {method}. Unpack the archive and name the folder"
    if member.compress_type == ZIP_STORED and member.file_size != member.compress_size:
        return f"{name} lies about its size"
    if member.file_size > max(member.compress_size * _RATIO, _SMALL):
        return f"{name} unpacks to more than {_RATIO} times its size"
    return ""


def _are_apart(members: list[ZipInfo], size: int) -> Iterator[bool]:
    """For each member in the order of the file, True if its bytes end before the next member begins."""
    spans = sorted((member.header_offset, member.compress_size) for member in members)
    for (start, length), (following, _) in pairwise([*spans, (size, 0)]):
        yield start >= 0 and start + 30 + length <= following
