"""Files as Windows guards them: names that it refuses, and files that are open or mapped.

Only what `bot` and `training` ask for is refused, also through pathlib and shutil; libraries keep Linux.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)|.*[<>:\"|?*\\\x00-\x1f]|.*[. ]$")
_WORDS = {
    5: "Access is denied",
    32: "The process cannot access the file because it is being used by another process",
}


def denied(code: int, path: str) -> PermissionError:
    """Return the error of Windows with this number."""
    error = PermissionError(13, _WORDS[code], path)
    error.winerror = code  # type: ignore[attr-defined]
    return error


def guard_files() -> None:
    """Refuse from now on, for good, what Windows refuses."""
    real_rename = os.rename

    def rename(source: Any, target: Any, **named: Any) -> None:
        """Refuse a name that is taken: only `os.replace` takes the place of a file."""
        if os.path.lexists(target) and _is_our_call():
            raise FileExistsError(17, "Cannot create a file when that file already exists", os.fspath(target))
        real_rename(source, target, **named)

    os.rename = rename
    sys.addaudithook(_check)


def _check(event: str, given: tuple[Any, ...]) -> None:
    if event not in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "open") or isinstance(given[0], int):
        return
    if not _is_our_call():
        return
    path = _whole(given[0], given[-1] if event in ("os.remove", "os.rmdir") else -1)
    if event == "os.rename":
        target = _whole(given[1])
        _refuse_held(path, 32)
        _refuse_held(target, 5)
        if os.path.isdir(path) and os.path.isdir(target):
            raise denied(5, target)  # a folder is not replaced
        path = target
    elif event in ("os.remove", "os.rmdir"):
        _refuse_held(path, 32)
        if event == "os.remove" and os.path.isfile(path) and not os.stat(path).st_mode & 0o200:
            raise denied(5, path)  # a file that is read-only
        return
    _refuse_name(path)


def _whole(path: Any, folder: int = -1) -> str:
    """Return an absolute path; `folder` is the descriptor of an open folder that it begins at, or -1."""
    start = os.getcwd() if folder < 0 else os.readlink(f"/proc/self/fd/{folder}")
    return os.path.join(start, os.fsdecode(path))


def _is_our_call() -> bool:
    """Return whether the nearest caller outside the standard library is a module of `bot` or `training`."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package == "__main__" and frame.f_globals.get("__spec__"):
            package = frame.f_globals["__spec__"].name.partition(".")[0]
        if package not in ("tests", "importlib", "runpy") and package not in sys.stdlib_module_names:
            return package in ("bot", "training")
        frame = frame.f_back
    return False


def _refuse_name(path: str) -> None:
    if _RESERVED.match(os.path.basename(path)) and not path.startswith("/dev/"):
        raise OSError(22, "The filename, directory name, or volume label syntax is incorrect", path)


def _refuse_held(path: str, code: int) -> None:
    """Refuse a file that this process has open or mapped, and a folder that holds such a file."""
    whole = os.path.realpath(path)
    if any(held == whole or held.startswith(f"{whole}/") for held in (*_open_files(), *_mapped_files())):
        raise denied(code, path)


def _open_files() -> Iterator[str]:
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the descriptor of the listing itself
            if not os.path.isdir(path := os.readlink(f"/proc/self/fd/{number}")):  # rmtree opens folders
                yield path


def _mapped_files() -> Iterator[str]:
    for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
        yield line[line.find("/") :] if "/" in line else ""
