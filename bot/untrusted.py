"""Reading untrusted files: regular files of this user in their folder, of bounded size, strict JSON."""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO

from bot.json_fault import json_fault
from bot.system.ownership import ownership_fault

if sys.platform == "win32":
    _FLAGS = os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT
else:
    _FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_LONGEST_KEY = 60  # characters of a key in an error


class RefusedFile(Exception):
    """An untrusted file was refused, for a reason and with a remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def open_regular(folder: Path, name: str, root: Path | None = None) -> BinaryIO:
    """Open a regular file of a folder. Links may not leave `root`, by default the folder; pipes are not read.

    Raises `RefusedFile` for anything else.
    """
    if not os.path.lexists(folder / name):
        raise RefusedFile(f"{name} is missing", "point to the folder that training wrote")
    if fault := ownership_fault(folder / name):
        raise RefusedFile(*fault)
    path = (folder / name).resolve()
    if not path.is_relative_to((root or folder).resolve()):
        raise RefusedFile(f"{name} is a link to another place", "copy the file itself")
    try:
        before = path.lstat()  # Windows follows a link that it opens, and opens no folder
        _refuse_special(before, name)
        file = os.fdopen(os.open(path, _FLAGS), "rb")
    except OSError as error:
        raise RefusedFile(f"{name} cannot be opened ({error.strerror})", "check its permissions") from error
    try:
        after = os.fstat(file.fileno())
        _refuse_special(after, name)
        if (
            before.st_ino != after.st_ino and before.st_ino and after.st_ino
        ):  # 0: the file system has no numbers
            raise RefusedFile(f"{name} was replaced while it was opened", "try again")
    except BaseException:
        file.close()
        raise
    return file


def _refuse_special(status: os.stat_result, name: str) -> None:
    """Raise `RefusedFile` for a folder, a link, a pipe or a device."""
    if not stat.S_ISREG(status.st_mode):
        raise RefusedFile(f"{name} is not a regular file", "copy the file itself")


def read_json(folder: Path, name: str, limit: int, root: Path | None = None) -> dict[str, Any]:
    """Read a JSON object from a regular file of at most `limit` bytes. Raises `RefusedFile`.

    `root`: as of `open_regular`.
    """
    with open_regular(folder, name, root) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RefusedFile(f"{name} has more than {limit >> 10} KB", "export it again")
    return parse_json(content, name)


def parse_json(content: bytes, name: str) -> dict[str, Any]:
    """Parse a JSON object without duplicate keys, NaN or infinity. Raises `RefusedFile`."""
    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedFile(
            f"{name} is not valid JSON ({json_fault(content, error)})", "export it again"
        ) from error
    if not isinstance(data, dict):
        raise RefusedFile(f"{name} is not a JSON object", "export it again")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict[str, Any]()
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:_LONGEST_KEY]!r} stands there twice")
        found[key] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
