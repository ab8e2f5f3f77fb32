"""Reading untrusted files: regular files inside their folder, of bounded size, with strict JSON."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO


class RefusedFile(Exception):
    """An untrusted file was refused, for a reason and with a remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def open_regular(folder: Path, name: str) -> BinaryIO:
    """Open a regular file of a folder. Links may not leave the folder, and no pipe is waited for.

    Raises `RefusedFile` for anything else.
    """
    if not os.path.lexists(folder / name):
        raise RefusedFile(f"{name} is missing", "point to the folder that training wrote")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise RefusedFile(f"{name} is a link to another place", "copy the file itself")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedFile(f"{name} cannot be opened ({error.strerror})", "check its permissions") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RefusedFile(f"{name} is not a regular file", "copy the file itself")
    return open(descriptor, "rb")


def read_json(folder: Path, name: str, limit: int) -> dict[str, Any]:
    """Read a JSON object from a regular file of at most `limit` bytes. Raises `RefusedFile`."""
    with open_regular(folder, name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RefusedFile(f"{name} has more than {limit >> 10} KB", "export it again")
    return parse_json(content, name)


def parse_json(content: bytes, name: str) -> dict[str, Any]:
    """Parse a JSON object without duplicate keys, NaN or infinity. Raises `RefusedFile`."""
    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedFile(f"{name} is not valid JSON", "export it again") from error
    if not isinstance(data, dict):
        raise RefusedFile(f"{name} is not a JSON object", "export it again")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
