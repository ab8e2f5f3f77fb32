"""Owners and rights of files that this process loads: whether another user could have written them.

The user of this process, root and the owner of this program's own code are trusted, and whoever is in the
group of a file that its group may write. Nothing is checked on Windows, where folders in a user's profile
are closed to others, or where everybody may write the program's code anyway.
"""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from bot.errors import UserError

_CODE = Path(__file__)
_MOST_LINKS = 40  # as Linux follows
_UNMAPPED = 65_534  # the owner that a user namespace shows for everybody outside


def check_owner(path: Path) -> None:
    """Raise `UserError` where a user who is not trusted could have written a file, or what lies in a folder.

    A missing file is judged by the folders on its way.
    """
    if fault := ownership_fault(path):
        raise UserError(f"{fault[0]}, and is not read: {fault[1]}.")


def ownership_fault(path: Path) -> tuple[str, str] | None:
    """Return a reason and a remedy where a user who is not trusted could have written a path, else None.

    Looks at each folder, each link and the file itself, because whoever may write one of them may put
    another file there.
    """
    if sys.platform == "win32" or _is_open_to_all(_CODE.parent) or _is_open_to_all(_CODE):
        return None
    try:
        for step, status in _steps(path):
            if fault := _fault(step, status):
                return fault
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be examined ({error.strerror})", "see that it can be read"
    return None


def check_owners(folder: Path) -> None:
    """Raise `UserError` as `check_owner` does, for a folder and for each file below it."""
    check_owner(folder)
    if sys.platform == "win32" or _is_open_to_all(_CODE.parent) or _is_open_to_all(_CODE):
        return
    for root, folders, files in os.walk(folder):
        for path in (Path(root, name) for name in (*folders, *files)):
            with suppress(FileNotFoundError):  # deleted meanwhile
                if path.is_symlink():
                    check_owner(path)
                elif fault := _fault(path, path.lstat()):
                    raise UserError(f"{fault[0]}, and is not read: {fault[1]}.")


def _fault(path: Path, status: os.stat_result) -> tuple[str, str] | None:
    is_folder = stat.S_ISDIR(status.st_mode)
    if status.st_uid not in _trusted() and not (is_folder and status.st_uid in _outside()):
        remedy = f"if you trust what it holds, run `chown -h {own_id()} {path}`, else remove it"
        return f"{path} belongs to another user ({_name(status.st_uid)})", remedy
    if not stat.S_ISLNK(status.st_mode) and _is_writable_by_all(status):
        return f"{path} can be written by every user", f"run `chmod o-w {path}` if you trust what it holds"
    return None


def _is_writable_by_all(status: os.stat_result) -> bool:
    """Return whether others may write it; of a folder with the sticky bit, as /tmp, only own files."""
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    return bool(status.st_mode & stat.S_IWOTH) and not is_sticky


def _steps(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield each folder and link on the way to a path, then the path, with its status; follow links."""
    here, *rest = Path(path).absolute().parts
    step, waiting, links = Path(here), rest[::-1], 0
    yield step, step.lstat()
    while waiting:
        name = waiting.pop()
        if name == "..":
            step = step.parent
            continue
        status = (step / name).lstat()
        yield step / name, status
        if not stat.S_ISLNK(status.st_mode):
            step /= name
            continue
        if (links := links + 1) > _MOST_LINKS:
            raise OSError(0, "too many links")
        target = Path(os.readlink(step / name))
        waiting += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        step = Path(target.anchor) if target.is_absolute() else step


def own_id() -> int:
    """Return the user of this process; 0 on Windows, which has no such numbers."""
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def _trusted() -> frozenset[int]:
    """Return the users who could change this process anyway."""
    return _code_owner() | {0, own_id()}


@cache
def _code_owner() -> frozenset[int]:
    with suppress(OSError):  # a zipped program
        return frozenset({_CODE.stat().st_uid})
    return frozenset()


@cache
def _outside() -> frozenset[int]:
    """Return the owner that folders of unknown users have inside a user namespace, as of a container."""
    with suppress(OSError):
        if Path("/proc/self/uid_map").read_text("ascii").split()[2] != "4294967295":
            return frozenset({_UNMAPPED})
    return frozenset()


@cache
def _is_open_to_all(path: Path) -> bool:
    """Return whether every user may write a file of this program: file systems without rights show that."""
    try:
        return _is_writable_by_all(path.stat())
    except OSError:
        return False


def _name(owner: int) -> str:
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):
            return pwd.getpwuid(owner).pw_name
    return str(owner)
