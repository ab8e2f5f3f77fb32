"""Paths as people write them, on the command line and in settings files."""

from pathlib import Path


def user_path(text: str) -> Path:
    """Return the path that a person wrote, with "~" and "~NAME" as home folders.

    A shell leaves "~" as it is in quotes and behind "--option=". An unknown user's name stays a file name.
    """
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
