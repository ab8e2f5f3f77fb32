"""Blocks that programs pack into a text: OpenPGP (RFC 4880 and 9580) and uuencoded files (POSIX)."""

import re
from collections.abc import Sequence

_BEGIN = re.compile(r"-----BEGIN PGP ([A-Z ,0-9/]{1,40}+)-----\s*+")
_SIGNED, _END = "SIGNED MESSAGE", "-----END PGP "
_FILE = re.compile(r"begin(?:-base64)? [0-7]{3,4} \S.*+")
_BLANK = " "  # a line of a file is as long as its first character says


def without_armour(lines: Sequence[str]) -> list[str]:
    """Return the lines that people write: of a signed text its words, of what is encrypted nothing."""
    kept, at, is_signed = list[str](), 0, False
    while at < len(lines):
        line = lines[at]
        if found := _BEGIN.fullmatch(line):
            is_signed = found[1] == _SIGNED
            at = _behind_fields(lines, at + 1) if is_signed else _behind_end(lines, at + 1)
        elif _FILE.fullmatch(line) and at + 1 < len(lines) and _is_packed(lines[at + 1]):
            at = _behind_file(lines, at + 1)
        else:
            kept.append(line.removeprefix("- ") if is_signed else line)
            at += 1
    return kept


def _behind_fields(lines: Sequence[str], at: int) -> int:
    """Return where the words of a signed text begin: behind the first empty line."""
    while at < len(lines) and lines[at].strip():
        at += 1
    return at + 1


def _behind_end(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and not lines[at].startswith(_END):
        at += 1
    return at + 1


def _behind_file(lines: Sequence[str], at: int) -> int:
    """Return where a file ends: at "end", or where a line is none of a file's."""
    while at < len(lines) and _is_packed(lines[at]):
        at += 1
    return at + (at < len(lines) and lines[at].strip() == "end")


def _is_packed(line: str) -> bool:
    size = (ord(line[0]) - ord(_BLANK)) & 63 if line else 0
    packed = (size + 2) // 3 * 4
    return bool(line) and line[0] <= "`" and len(line.rstrip()) <= packed + 2 and len(line) >= packed * 2 // 3
