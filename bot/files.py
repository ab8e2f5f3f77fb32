"""Files and folders that are replaced as a whole or not at all, and the hash of a file."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.errors import UserError
from bot.system import replacing

if sys.platform == "win32":
    _BINARY = os.O_BINARY
    _SYNCED = os.O_RDWR | _BINARY  # Windows flushes no file that is open for reading alone
else:
    _BINARY, _SYNCED = 0, os.O_RDONLY
_BUFFER = 1 << 20  # bytes


def hash_file(path: Path, *, missing_ok: bool = False) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits.

    With `missing_ok`, a missing file has the hash of an empty one; else it raises `FileNotFoundError`.
    """
    if missing_ok and not path.exists():
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def create_private(path: Path) -> BinaryIO:
    """Create a file of mode 0600 and open it for writing; raises `FileExistsError`.

    On Windows the file has the rights of its folder.
    """
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _BINARY, 0o600), "wb", _BUFFER)


def append_private(path: Path) -> BinaryIO:
    """Open a file for appending; create it as `create_private` does where there is none."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | _BINARY, 0o600), "ab")


@contextmanager
def open_draft(path: Path) -> Iterator[BinaryIO]:
    """Open a new file of mode 0600 beside `path`, and put it in the place of `path` when the context ends.

    After an error inside the context the draft is deleted and `path` is as before. Raises `UserError` where
    the file cannot be written.
    """
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replacing.delete(new)
        opened = create_private(new)
        try:
            with opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
            replacing.replace(new, path)
        finally:
            replacing.delete(new)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file of mode 0600 through `open_draft`."""
    with open_draft(path) as file:
        file.writelines(pieces)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk; do nothing on Windows, which opens no folder as a file."""
    if sys.platform != "win32":
        _sync(folder, os.O_RDONLY)


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
        replacing.replace(swap.draft, swap.ready)
        sync_folder(swap.home.parent)
        try:
            _put_in_place(swap)
        except OSError:
            replacing.delete_folder(swap.ready)
            raise
    finally:
        replacing.delete_folder(swap.draft)
    return swap.home


def recover_folder(swap: FolderSwap) -> Path:
    """Finish the swap of a process that was killed, and return `home`.

    A folder that is ready takes its place; without one, a missing `home` is the previous folder again. A
    draft is deleted.
    """
    if swap.ready.exists():
        _put_in_place(swap)
    elif not swap.home.exists() and swap.previous.exists():
        replacing.replace(swap.previous, swap.home)
    replacing.delete_folder(swap.draft)
    return swap.home


def _put_in_place(swap: FolderSwap) -> None:
    """Make `home` the previous folder and `ready` the home; where that fails, both are as before.

    Between the two renames there is no `home`; `recover_folder` then finds `ready`.
    """
    try:
        if swap.home.exists():
            replacing.delete_folder(swap.draft)
            if swap.previous.exists():
                replacing.replace(swap.previous, swap.draft)
            replacing.replace(swap.home, swap.previous)
        replacing.replace(swap.ready, swap.home)
    except OSError:
        for older, newer in ((swap.previous, swap.home), (swap.draft, swap.previous)):
            if older.exists() and not newer.exists():
                replacing.replace(older, newer)
        raise
    sync_folder(swap.home.parent)
    replacing.delete_folder(swap.draft)
    if not swap.keeps_previous:
        replacing.delete_folder(swap.previous)


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            sync_folder(path)
        else:
            _sync(path, _SYNCED)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
