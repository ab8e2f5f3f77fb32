"""The parts of a GGUF model that was split into several files, as `-00001-of-00003.gguf`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.directory import TensorEntry
from bot.engine.checkpoint.gguf.header import GgufHeader, read_gguf_header
from bot.system.ownership import check_owner
from bot.untrusted import RefusedFile

_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL | re.IGNORECASE)
_MOST_PARTS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class GgufParts:
    """The tensors of all parts, and the mapped file that holds each."""

    entries: Mapping[str, TensorEntry]
    contents: Mapping[str, mmap]

    def find(self, name: str) -> tuple[mmap, TensorEntry]:
        """Return the mapped file of a tensor, and its entry."""
        return self.contents[name], self.entries[name]


def part_files(path: Path) -> list[Path]:
    """Return a file and its further parts by their names, as far as these are there."""
    named = _NAME.fullmatch(path.name)
    further = _further_paths(path, named, min(int(named[3]), _MOST_PARTS)) if named else []
    return [path, *(part for part in further if part.is_file())]


def refuse_further_part(header: GgufHeader) -> None:
    """Raise `RefusedFile` for a part that is not the first, which alone says what the model is."""
    if header.metadata.get_whole("split.no"):
        raise RefusedFile("it is a further part of a model", "set [model] name to the part 00001")


def open_parts(path: Path, first: GgufHeader) -> GgufParts:
    """Return the tensors of a file and of its further parts, whose first header was read.

    Raises `RefusedFile` where parts are missing, `BrokenGguf` where they do not belong together.
    """
    headers = [first, *(_read_part(each, number) for number, each in enumerate(_further(path, first), 1))]
    entries: dict[str, TensorEntry] = {}
    contents: dict[str, mmap] = {}
    for header in headers:
        if twice := entries.keys() & header.tensors.keys():
            raise BrokenGguf(f"two of its parts have the tensor {min(twice)}")
        entries |= header.tensors
        contents |= dict.fromkeys(header.tensors, header.content)
    total = first.metadata.get_whole("split.tensors.count")
    if len(headers) > 1 and total not in (None, len(entries)):
        raise BrokenGguf(f"its parts have {len(entries)} of {total} tensors")
    return GgufParts(entries, contents)


def _further(path: Path, first: GgufHeader) -> list[Path]:
    """Return the paths of the parts after the first."""
    count = first.metadata.get_whole("split.count") or 1
    if count == 1:
        return []
    named = _NAME.fullmatch(path.name)
    if named is None or int(named[3]) != count or count > _MOST_PARTS:
        raise RefusedFile(
            f"it is one of {count:,} parts and is not named like them",
            f"give the parts their names again, NAME-00001-of-{count:05}.gguf and so on, in one folder",
        )
    paths = _further_paths(path, named, count)
    if missing := [each.name for each in paths if not each.is_file()]:
        raise RefusedFile(f"its part {missing[0]} is missing", "copy all parts into the same folder")
    return paths


def _further_paths(path: Path, named: re.Match[str], count: int) -> list[Path]:
    return [path.with_name(f"{named[1]}-{number:05}-of-{named[3]}.gguf") for number in range(2, count + 1)]


def _read_part(path: Path, number: int) -> GgufHeader:
    check_owner(path)
    header = read_gguf_header(path)
    if header.metadata.get_whole("split.no") != number:
        raise BrokenGguf(f"its part {path.name} is another one")
    return header
