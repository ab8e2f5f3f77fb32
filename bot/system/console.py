"""Standard output and standard error: they show every character, and obey none that a stranger wrote."""

import json
import os
import re
import sys
from io import TextIOWrapper
from typing import TextIO

# control characters but line ends and tabs; signs that turn the direction of what follows them
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def prepare_output() -> None:
    """Let no character end the process: what a stream cannot encode is written as an escape, such as \\u5c0f.

    A pipe or a file on Windows has a code page of some 200 characters by default: it becomes UTF-8, unless
    PYTHONIOENCODING names an encoding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # None without a console, another class under a test runner
            stream.reconfigure(encoding=_encoding(stream), errors="backslashreplace")


def _encoding(stream: TextIOWrapper) -> str | None:
    is_redirected = sys.platform == "win32" and not stream.isatty()
    return "utf-8" if is_redirected and not os.environ.get("PYTHONIOENCODING") else None


def printable(text: str) -> str:
    """Return text for a terminal: each control character becomes a visible sign, as ␛ for escape."""
    return _CONTROL.sub(lambda found: _picture(ord(found[0])), text.replace("\r\n", "\n"))


def _picture(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def json_text(value: object, indent: int | None = None) -> str:
    """Return JSON for a terminal or a file: control characters are escapes, so that no character is lost."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_line(
    text: str, stream: TextIO | None = None, *, colours: tuple[str, ...] = (), end: str = "\n"
) -> None:
    """Write text and a line's end to a stream, or to standard output, without control characters.

    Only the given sequences stay as they are.
    """
    stream = stream or sys.stdout
    pieces = re.split(f"({'|'.join(map(re.escape, colours))})", text) if colours else [text]
    stream.write("".join(piece if piece in colours else printable(piece) for piece in pieces) + end)
