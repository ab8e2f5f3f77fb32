"""Renaming and deleting files that another program may have open for a moment.

Windows refuses both while any program has the file open or mapped. A virus scanner reads each new file.
"""

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

_WAITS = (0.01, 0.03, 0.1, 0.3, 0.6) if sys.platform == "win32" else ()  # seconds between two tries
_SHARING = (32, 33)  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_DENIED = 5  # ERROR_ACCESS_DENIED


class FileInUse(PermissionError):
    """Another program has a file open that was to be renamed or deleted."""


def replace(source: Path, target: Path) -> None:
    """Rename a file or folder, over the file of that name if there is one. Raises `OSError`."""
    _try(lambda: os.replace(source, target), target)


def delete(path: Path) -> None:
    """Delete a file; do nothing where there is none. Raises `OSError`."""
    _try(lambda: path.unlink(missing_ok=True), path)


def delete_folder(path: Path) -> None:
    """Delete a folder with all that it holds, or what of it can be deleted."""
    try:
        _try(lambda: shutil.rmtree(path), path)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)


def _try(action: Callable[[], None], path: Path) -> None:
    """Run an action, on Windows again for a second while it is refused."""
    for wait in _WAITS:
        try:
            return action()
        except PermissionError:
            time.sleep(wait)
    try:
        return action()
    except PermissionError as error:
        raise _explained(error, path) from None


def _explained(error: PermissionError, path: Path) -> PermissionError:
    """Return the error with words that say what to do; outside Windows, the error as it is."""
    code = getattr(error, "winerror", None)
    if code in _SHARING:
        return FileInUse(
            errno.EACCES, "another program has it open, close that program and try again", str(path)
        )
    if code == _DENIED:
        words = "its rights forbid it or a program has it open, mend that and try again"
        return PermissionError(errno.EACCES, words, str(path))
    return error
