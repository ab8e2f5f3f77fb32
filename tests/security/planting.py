"""Ways in which another user of the machine plants a file."""

import os
import sys
from pathlib import Path

import pytest

OTHER = 12_345  # a user of whom nothing else is known here
needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files to another user"
)


def hand_over(path: Path) -> None:
    os.chown(path, OTHER, OTHER)


def open_to_all(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def link(path: Path) -> None:
    """Put a link of the other user in the file's place, to a copy that is sound."""
    moved = path.with_name(f"{path.name}.moved")
    path.rename(moved)
    path.symlink_to(moved)
    os.chown(path, OTHER, OTHER, follow_symlinks=False)


PLANT = {"another's": hand_over, "open to all": open_to_all, "another's link": link}
