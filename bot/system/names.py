"""Names of files and folders that Linux, macOS and Windows all take, and the length of paths."""

import re
import sys
from pathlib import Path

from bot.errors import UserError

LONGEST_INSIDE = 120  # characters of the longest path that the program makes inside a folder of its own
_LONGEST_PATH = 259  # characters that Windows takes unless long paths are switched on
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?= *(\.|$))")
_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def fault_of_name(name: str) -> str | None:
    """Return why Windows takes no file or folder of this name, as a clause; None for a name that it takes."""
    if match := _DEVICE.match(name):
        return f"Windows keeps the name {match[1]!r} for a device"
    if match := _REFUSED.search(name):
        return f"Windows takes no {match[0]!r} in a name"
    if name.endswith((".", " ")):
        return "Windows drops the dot or space at the end of a name"
    return None


def refuse_long_folder(folder: Path) -> None:
    """Raise `UserError` for a folder on Windows in which the program's files would have too long paths."""
    if sys.platform != "win32" or len(str(folder)) + LONGEST_INSIDE <= _LONGEST_PATH or _has_long_paths():
        return
    most = _LONGEST_PATH - LONGEST_INSIDE
    raise UserError(
        f"The path {folder} is too long for Windows: move the folder to a path of at most {most} characters, "
        "or switch on LongPathsEnabled, which docs/operations.md explains."
    )


if sys.platform == "win32":
    import ctypes

    def _has_long_paths() -> bool:
        """Return whether the registry and this Python allow paths of more than 259 characters."""
        return bool(ctypes.WinDLL("ntdll").RtlAreLongPathsEnabled() & 0xFF)
