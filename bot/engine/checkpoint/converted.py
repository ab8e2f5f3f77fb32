"""Converted copies of base models in the bot's data: written whole or not at all, and checked by hash."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from bot.files import FolderSwap, hash_file, replace_folder
from bot.system.ownership import check_owner, check_owners
from bot.system.replacing import delete_folder

FORMAT = 3  # of a copy's content; another number makes every copy anew
_LIST = "copy.json"
_NEW = ".new-"


def find_converted(models: Path, source: str, precision: str) -> Path | None:
    """Return the folder of a copy of the source with this SHA-256 in this precision, or None.

    A copy has the listed files and no other, all of them whole. Raises `UserError` where another user could
    have written it.
    """
    folder = models / _key(source, precision)
    check_owners(folder)
    try:
        hashes = json.loads((folder / _LIST).read_text("utf-8"))["files"]
        whole = {entry.name for entry in _plain_files(folder)} == {_LIST, *hashes} and all(
            hash_file(folder / Path(name).name) == hash_ for name, hash_ in hashes.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return folder if whole and hashes else None


def has_converted(models: Path, source: str) -> bool:
    """Return whether there is a copy of the source with this SHA-256 in any precision, whole or not."""
    return any(models.glob(f"{source[:24]}-*-v{FORMAT}"))


def make_converted(models: Path, source: str, precision: str, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a folder and put it in place, unless another process just did; delete older copies."""
    check_owner(models)
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / ".lock"):
        if copy := find_converted(models, source, precision):
            return copy
        for left in models.glob(f"{_NEW}*"):  # by a process that died
            delete_folder(left)

        def write_listed(draft: Path) -> None:
            write(draft)
            hashes = {file.name: hash_file(file) for file in sorted(draft.iterdir())}
            listed = {"source": source, "precision": precision, "files": hashes}
            (draft / _LIST).write_text(json.dumps(listed, indent=1), "utf-8")

        copy = replace_folder(_swap(models / _key(source, precision)), write_listed)
        _delete_older(copy, source, precision)
        return copy


def _plain_files(folder: Path) -> list[Path]:
    """Return what is in a folder. Raises `ValueError` for anything but plain files."""
    entries = list(folder.iterdir())
    if not all(entry.is_file() and not entry.is_symlink() for entry in entries):
        raise ValueError(f"{folder} holds more than files")
    return entries


def _swap(copy: Path) -> FolderSwap:
    """Name the drafts of a copy: they are hidden, and the next conversion deletes those left behind."""
    draft, ready, previous = (copy.with_name(f"{_NEW}{copy.name}{end}") for end in ("", ".ready", ".old"))
    return FolderSwap(copy, draft, ready, previous)


def _delete_older(copy: Path, source: str, precision: str) -> None:
    """Delete the copies of the same source and precision in other formats."""
    older = re.compile(rf"{source[:24]}-{precision}-v\d+")
    for folder in copy.parent.iterdir():
        if older.fullmatch(folder.name) and folder != copy:
            delete_folder(folder)


def _key(source: str, precision: str) -> str:
    return f"{source[:24]}-{precision}-v{FORMAT}"
