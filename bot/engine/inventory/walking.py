"""A bounded walk over folders for base models: GGUF files, and folders in transformers' format."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEEPEST, MOST_ENTRIES, MOST_MODELS = (
    6,
    50_000,
    500,
)  # folders below each other, entries looked at, models found
_CONVERTED = "copy.json"  # lies in the bot's own copies of other models


@dataclass(frozen=True, slots=True)
class Walked:
    """A model's path; `fault`: why a folder on the way could not be read, or where the walk ended."""

    path: Path
    fault: str = ""


def find_model_paths(root: Path) -> Iterator[Walked]:
    """Yield the models at a path or below it, in the order of their names; every folder is visited once."""
    if root.is_file():
        yield Walked(root)
        return
    walk = _Walk()
    for count, walked in enumerate(walk.visit(root, DEEPEST)):
        yield walked
        if count + 1 >= MOST_MODELS:
            yield Walked(root, f"only the first {MOST_MODELS} models are listed")
            return
    if walk.entries > MOST_ENTRIES:
        yield Walked(root, f"only the first {MOST_ENTRIES:,} files were looked at: name a smaller folder")


class _Walk:
    """The folders that were seen already, by device and inode, and the count of entries."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()
        self.entries = 0

    def visit(self, folder: Path, depth: int) -> Iterator[Walked]:
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return
            self._seen.add((status.st_dev, status.st_ino))
            entries = sorted(self._listed(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Walked(folder, f"cannot be read ({error.strerror})")
            return
        names = {entry.name for entry in entries}
        if _CONVERTED in names:
            return
        if "config.json" in names and any(name.endswith((".safetensors", ".bin", ".pth")) for name in names):
            yield Walked(folder)
        for entry in entries:
            yield from self._visit_entry(entry, depth)

    def _listed(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """Yield a folder's entries until there were too many of all folders."""
        with os.scandir(folder) as entries:
            for entry in entries:
                self.entries += 1
                if self.entries > MOST_ENTRIES:
                    return
                yield entry

    def _visit_entry(self, entry: os.DirEntry[str], depth: int) -> Iterator[Walked]:
        if entry.is_dir():
            if depth and not entry.name.startswith("."):
                yield from self.visit(Path(entry.path), depth - 1)
        elif entry.name.lower().endswith(".gguf") and entry.is_file():
            yield Walked(Path(entry.path))
