"""Compiled libraries in the user's cache folder: whole, this user's own, and of the very bytes compiled.

A library runs with the rights of this process. Its name has the SHA-256 of its content, which is compared
before the library is loaded: a truncated library would end the process at its first use (SIGBUS).
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.files import sync_folder
from bot.system.ownership import own_id
from bot.system.replacing import delete_folder
from bot.system.user_folders import make_own_folder

_DRAFT = ".build-"
_OLD_DRAFT_SECONDS = 3600.0  # a compilation takes a minute at most


@dataclass(frozen=True, slots=True)
class LibraryStore:
    """The files of one library; `digest` is the hash of all that it is compiled from."""

    folder: Path
    digest: str
    suffix: str

    def find(self) -> Path | None:
        """Return the path of the stored library; delete those that are not as they were written.

        Raises `OSError` where the folder is not the user's own.
        """
        make_own_folder(self.folder)
        found = None
        for path in sorted(self.folder.glob(f"native-{self.digest}-*{self.suffix}")):
            if found is None and path.name == self._name(_own_content(path)):
                found = path
            else:
                path.unlink()
        return found

    def keep(self, draft: Path) -> Path:
        """Put a compiled library in place, on the disk and as a whole, and return its path."""
        draft.chmod(0o600)
        content = draft.read_bytes()
        path = self.folder / self._name(content)
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(self.folder)
        return path

    @contextmanager
    def draft_folder(self) -> Iterator[Path]:
        """Make a folder to compile in; delete it afterwards, with those that killed processes left."""
        make_own_folder(self.folder)
        with TemporaryDirectory(dir=self.folder, prefix=_DRAFT) as name:
            now = Path(name).stat().st_mtime
            for left in self.folder.glob(f"{_DRAFT}*"):
                with suppress(OSError):
                    if now - left.lstat().st_mtime > _OLD_DRAFT_SECONDS:
                        delete_folder(left)
            yield Path(name)

    def _name(self, content: bytes) -> str:
        return f"native-{self.digest}-{hashlib.sha256(content).hexdigest()[:32]}{self.suffix}"


def _own_content(path: Path) -> bytes:
    """Return the bytes of a regular file that this user alone can write; none for any other."""
    if sys.platform == "win32":
        return path.read_bytes()
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            is_own = status.st_uid == own_id() and not status.st_mode & 0o022
            return file.read() if is_own and stat.S_ISREG(status.st_mode) else b""
    except OSError:
        return b""
