"""Header and directory of a GGUF file, each number checked against the file before anything is built on it.

The layout is that of ggml's `gguf.h`: magic, version, counts, metadata, tensors, and after padding the data.
Work is linear in the header, and memory a few objects for each key and each tensor.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.engine.checkpoint.gguf.cursor import BrokenGguf, Cursor
from bot.engine.checkpoint.gguf.directory import TensorEntry, read_directory
from bot.engine.checkpoint.gguf.metadata import Metadata, StoredValue
from bot.errors import UserError

MAGIC, VERSIONS = b"GGUF", (2, 3)
MAX_KEYS = 65_535
_DEFAULT_ALIGNMENT, _LEAST_ALIGNMENT = 32, 8
_LEAST_KEY, _LONGEST_KEY = 13, 1024


@dataclass(frozen=True, slots=True, eq=False)
class GgufHeader:
    """Metadata and directory of a GGUF file. `content` is the mapped file, which the tensors lie in."""

    version: int
    alignment: int
    metadata: Metadata
    tensors: Mapping[str, TensorEntry]
    content: mmap.mmap


def read_gguf_header(path: Path) -> GgufHeader:
    """Map a GGUF file and read its header; raises `UserError` for one that is damaged or none."""
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return _read_header(content)
    except (BrokenGguf, ValueError, OSError) as error:
        raise damaged_gguf(path, error) from None


def check_gguf_header(path: Path) -> None:
    """Raise `UserError` for a file that is no GGUF, or whose header claims more than the file holds."""
    read_gguf_header(path)


def damaged_gguf(path: Path, error: Exception) -> UserError:
    """Return the error to raise for a file that contradicts itself."""
    return UserError(f"{path} is no whole GGUF file ({error}): copy or download it again.")


def _read_header(content: mmap.mmap) -> GgufHeader:
    cursor = Cursor(content)
    version = _read_version(cursor)
    tensors, keys = cursor.read_long(), cursor.read_long()
    values = _read_values(cursor, keys)
    metadata = Metadata(content, values)
    alignment = _alignment(metadata)
    return GgufHeader(version, alignment, metadata, read_directory(cursor, tensors, alignment), content)


def _read_version(cursor: Cursor) -> int:
    if cursor.content[:4] != MAGIC:
        raise BrokenGguf("it does not begin as one")
    cursor.skip(4)
    version = cursor.read_short()
    if version not in VERSIONS and version & 0xFFFF == 0 and version >> 16:
        raise BrokenGguf("its numbers are big-endian, take the file for other machines")
    if version not in VERSIONS:
        raise BrokenGguf(f"its version is {version}")
    return version


def _read_values(cursor: Cursor, count: int) -> dict[str, StoredValue]:
    cursor.check_count(count, _LEAST_KEY)
    if count > MAX_KEYS:
        raise BrokenGguf(f"it has {count:,} keys")
    values: dict[str, StoredValue] = {}
    for _ in range(count):
        key, kind = cursor.read_name(_LONGEST_KEY), cursor.read_short()
        if key in values:
            raise BrokenGguf(f"it has the key {key[:80]} twice")
        values[key] = StoredValue(kind, cursor.at)
        cursor.skip_value(kind)
    return values


def _alignment(metadata: Metadata) -> int:
    alignment = metadata.get_whole("general.alignment")
    if alignment is None:
        return _DEFAULT_ALIGNMENT
    if alignment < _LEAST_ALIGNMENT or alignment & (alignment - 1):
        raise BrokenGguf(f"its alignment is {alignment}")
    return alignment
