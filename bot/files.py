"""Files and folders that are replaced as a whole or not at all, and the hash of a file."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.errors import UserError


def hash_file(path: Path, *, missing_ok: bool = False) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits.

    With `missing_ok`, a missing file has the hash of an empty one; else it raises `FileNotFoundError`.
    """
    if missing_ok and not path.exists():
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_draft(path: Path) -> Iterator[BinaryIO]:
    """Open a new file of mode 0600 beside `path`, and put it in the place of `path` when the context ends.

    After an error inside the context the draft is deleted and `path` is as before. Raises `UserError` where
    the file cannot be written.
    """
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.unlink(missing_ok=True)
        opened = os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", 1 << 20)
        try:
            with opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file of mode 0600 through `open_draft`."""
    with open_draft(path) as file:
        file.writelines(pieces)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk; do nothing outside POSIX, where a folder cannot be opened."""
    if os.name == "posix":
        _sync(folder)


@dataclass(frozen=True, slots=True)
class FolderSwap:
    """The names, in one parent folder, of a folder that is replaced as a whole.

    `home` is the folder that readers open. `draft` is being written or being deleted, so that nobody reads
    it. `ready` is a draft that is whole and on the disk. `previous` is the folder that `ready` replaces: it
    is deleted after the swap, unless `keeps_previous` is set.
    """

    home: Path
    draft: Path
    ready: Path
    previous: Path
    keeps_previous: bool = False

    @classmethod
    def beside(cls, home: Path) -> "FolderSwap":
        """Name the others after `home`: home.new, home.ready and home.old."""
        draft, ready, previous = (home.with_name(f"{home.name}.{end}") for end in ("new", "ready", "old"))
        return cls(home, draft, ready, previous)


def replace_folder(swap: FolderSwap, write: Callable[[Path], None]) -> Path:
    """Let `write` fill the draft, put it in the place of `home`, and return `home`.

    First finishes a swap that was interrupted. After an error of `write`, or an `OSError` of a rename, `home`
    is as before. Only one process may do this at a time.
    """
    recover_folder(swap)
    try:
        swap.draft.mkdir(parents=True, mode=0o700)
        write(swap.draft)
        _sync_tree(swap.draft)
        swap.draft.rename(swap.ready)
        sync_folder(swap.home.parent)
        _put_in_place(swap)
    finally:
        _delete_folder(swap.draft)
    return swap.home


def recover_folder(swap: FolderSwap) -> Path:
    """Finish the swap of a process that was killed, and return `home`.

    A folder that is ready takes its place; without one, a missing `home` is the previous folder again. A
    draft is deleted.
    """
    if swap.ready.exists():
        _put_in_place(swap)
    elif not swap.home.exists() and swap.previous.exists():
        swap.previous.rename(swap.home)
    _delete_folder(swap.draft)
    return swap.home


def _put_in_place(swap: FolderSwap) -> None:
    """Make `home` the previous folder and `ready` the home; where that fails, both are as before.

    Between the two renames there is no `home`; `recover_folder` then finds `ready`.
    """
    if swap.home.exists():
        _delete_folder(swap.draft)
        if swap.previous.exists():
            swap.previous.rename(swap.draft)
        swap.home.rename(swap.previous)
    try:
        swap.ready.rename(swap.home)
    except OSError:
        for older, newer in ((swap.previous, swap.home), (swap.draft, swap.previous)):
            if older.exists():
                older.rename(newer)
        _delete_folder(swap.ready)
        raise
    sync_folder(swap.home.parent)
    _delete_folder(swap.draft)
    if not swap.keeps_previous:
        _delete_folder(swap.previous)


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            sync_folder(path)
        else:
            _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
