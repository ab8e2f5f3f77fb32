"""Standard output and standard error that can show every character."""

import os
import sys
from io import TextIOWrapper


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
