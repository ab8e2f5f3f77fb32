"""Folders of the user who runs this process: for what can be made anew, and for locks.

The folders of XDG on Linux and macOS, and %LOCALAPPDATA% on Windows. Each is the user's own: of mode 0700,
no link, and no other user could have put another in its place.
"""

import errno
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.system.ownership import own_id, ownership_fault

_NAME = "alterego"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path for what can be made anew at any time; raises `OSError` where the user has no home."""
    return _base("XDG_CACHE_HOME", ".cache", environment) / _NAME


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path for locks that all data folders share; raises `OSError` where the user has no home."""
    return _base("XDG_STATE_HOME", ".local/state", environment) / _NAME


def make_own_folder(folder: Path) -> None:
    """Make a folder of mode 0700, or close the one there; raises `OSError` unless it is the user's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        _check_owner(folder)
        folder.chmod(0o700)


def check_own_folder(folder: Path) -> None:
    """Raise the `OSError` of `make_own_folder`, as far as it can be told without making anything."""
    if not folder.exists():
        folder = next(each for each in folder.parents if each.exists())
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    elif not folder.is_dir():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    elif sys.platform != "win32":
        _check_owner(folder)


def _check_owner(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != own_id():
        raise PermissionError(0, f"{folder} is not a folder of your own: remove it")
    if fault := ownership_fault(folder.parent):
        raise PermissionError(0, f"{fault[0]}: {fault[1]}")


def _base(variable: str, usual: str, environment: Mapping[str, str]) -> Path:
    if sys.platform == "win32":
        variable, usual = "LOCALAPPDATA", "AppData/Local"
    named = Path(environment.get(variable, ""))
    return named if named.is_absolute() else _home(environment) / usual  # XDG: a relative one is ignored


def _home(environment: Mapping[str, str]) -> Path:
    """Return the home folder: of the environment, else of the user's account."""
    if sys.platform == "win32":
        return Path.home()
    import pwd

    homes = [environment.get("HOME", "")]
    with suppress(KeyError):  # a user without an account, as in a container
        homes.append(pwd.getpwuid(own_id()).pw_dir)
    for home in map(Path, homes):
        if home.is_absolute():
            return home
    raise FileNotFoundError(0, "there is no home folder: set HOME to a folder of your own")
