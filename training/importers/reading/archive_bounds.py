"""Bounds of archives, which hold for a zip and for a tar: sizes, numbers, names, and names of no interest."""

import re
from collections.abc import Sequence

MEMBERS = 100_000  # files in one archive; an X archive with its pictures has some ten thousands
TOTAL = 64 << 30  # bytes of all members
_NAME = 512  # characters of a member's path
_DEPTH = 16  # nested folders
_ESCAPE = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|[\x00-\x1f\\]")
_MEDIA = frozenset(
    "jpg jpeg png gif webp heic avif bmp ico svg mp4 mov webm mkv avi 3gp m4v mp3 m4a aac ogg oga opus wav "
    "amr flac tgs pdf docx xlsx pptx apk exe dmg ttf woff woff2 css vcf".split()
)


def is_wanted(name: str) -> bool:
    """Return whether a file or folder of this name may hold messages."""
    if name.startswith(".") or name == "__MACOSX":
        return False
    return name.rpartition(".")[2].lower() not in _MEDIA


def is_wanted_member(path: str) -> bool:
    """Return whether a member may hold messages; an archive inside an archive is known by its head alone."""
    return all(map(is_wanted, path.split("/")))


def path_refusal(path: str) -> str:
    """Return the reason not to read an archive with a member of this path, or ""."""
    if len(path) > _NAME or path.count("/") > _DEPTH:
        return "a path in it is too long"
    if _ESCAPE.search(path):
        return f"the path {path[:60]!r} leads out of the archive"
    return ""


def sum_refusal(count: int, total: int) -> str:
    """Return the reason not to read an archive of so many members and bytes, or ""."""
    if count > MEMBERS:
        return f"it holds more than {MEMBERS:,} files. Pack the folder of one export"
    return f"it unpacks to more than {TOTAL >> 30} GB" if total > TOTAL else ""


def name_refusal(names: Sequence[str]) -> str:
    """Return the reason not to read an archive with files of these names, or ""."""
    return "it holds two files of one name" if len(set(names)) < len(names) else ""
