"""The headers of a tar: POSIX.1-1988 (ustar), POSIX.1-2001 (pax), and GNU's long names and sizes."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

BLOCK = 512  # bytes: a header is one block, and a member's bytes fill whole blocks
_EXTRA = 1 << 20  # bytes of a long name or of a pax header
_SUM = slice(148, 156)
_FOLDER, _FILES = b"5", (b"0", b"\x00", b"7")
_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL = b"L", b"K", b"x", b"g"


class TarError(ValueError):
    """The reason why a tar is not read, as the end of a sentence."""


class TarMember(NamedTuple):
    """A member of a tar: its path, its size in bytes, and whether it is a file or a folder."""

    path: str
    size: int
    is_file: bool


class TarBytes(Protocol):
    """The bytes of a tar, read forwards; `at` is the position of the next one."""

    at: int

    def take(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end."""

    def skip(self, count: int) -> None:
        """Go past bytes, or to the end. Raises TarError at the end."""


def is_header(block: bytes) -> bool:
    """Return whether a block is a header: its sum of bytes is right, its own field as blanks."""
    if len(block) < BLOCK or not block[0]:
        return False
    field = block[_SUM].strip(b" \x00")
    if not field or field.strip(b"01234567"):
        return False
    return int(field, 8) == sum(block) - sum(block[_SUM]) + 8 * ord(" ")


def read_members(tar: TarBytes) -> Iterator[TarMember]:
    """Yield each file and folder, while its bytes come next; they may be taken or left.

    Raises TarError for a damaged tar, and for a member that is neither a file nor a folder.
    """
    extra: dict[str, str] = {}
    while header := tar.take(BLOCK):
        if len(header) < BLOCK:
            raise TarError("ends in the middle")
        if not header.strip(b"\x00"):
            return
        if not is_header(header):
            raise TarError("is damaged")
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL):
            extra |= _extra_fields(tar, kind, size)
            continue
        member = _member(header, kind, size, extra)
        end = tar.at + _whole(member.size)
        yield member
        tar.skip(end - tar.at)
        extra = {}


def _member(header: bytes, kind: bytes, size: int, extra: dict[str, str]) -> TarMember:
    path = extra.get("path") or _path(header)
    if kind not in (*_FILES, _FOLDER) or any(key.startswith("GNU.sparse") for key in extra):
        raise TarError(f"was not imported: {path[:60]!r} is a link or a device")
    told = extra.get("size", "")
    size = int(told) if told.isascii() and told.isdecimal() and len(told) < 20 else size
    is_file = kind != _FOLDER and not path.endswith("/")
    return TarMember(path.removeprefix("./").removesuffix("/"), size if is_file else 0, is_file)


def _extra_fields(tar: TarBytes, kind: bytes, size: int) -> dict[str, str]:
    """Return the fields for the next member that this one stands for; those for all members are left out."""
    if size > _EXTRA:
        raise TarError("was not imported: a name in it is too long")
    end = tar.at + _whole(size)
    raw = tar.take(size)
    tar.skip(end - tar.at)
    if kind == _LONG_NAME:
        return {"path": raw.rstrip(b"\x00").decode("utf-8", "replace")}
    return dict(_pax_fields(raw)) if kind == _PAX else {}


def _pax_fields(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield the fields of a pax header: each is "LENGTH KEY=VALUE" and a line end."""
    at = 0
    while at < len(raw):
        length, _, _ = raw[at : at + 10].partition(b" ")
        if not length.isdigit() or not int(length):
            return
        key, _, value = raw[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace")
        at += int(length)


def _path(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500]) if header[257:263] == b"ustar\x00" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\x00")[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Return a number in octal digits; with the first bit set, one in bytes (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(bytes((field[0] & 0x3F, *field[1:])))
    digits = field.strip(b" \x00")
    if digits.strip(b"01234567"):
        raise TarError("is damaged")
    return int(digits or b"0", 8)


def _whole(size: int) -> int:
    """Return the bytes of the blocks that a member of this size fills."""
    return -(-size // BLOCK) * BLOCK
