"""A file that another program has open for a moment is replaced a moment later."""

import subprocess
from pathlib import Path

import pytest

from tests.fixtures.pretended_windows import real_model_environment, run_on_windows

# A program that refuses the first so many renames, as Windows does while a virus scanner reads a file.
REFUSING = """
import os, sys
from pathlib import Path
from bot.system import replacing
left, real = int(sys.argv[1]), os.replace
def refuse(source, target):
    global left
    left -= 1
    if left >= 0:
        error = PermissionError(13, "The process cannot access the file")
        error.winerror = int(sys.argv[2])
        raise error
    real(source, target)
os.replace = refuse
Path("new").write_text("new", "utf-8")
try:
    replacing.replace(Path("new"), Path("old"))
except PermissionError as error:
    sys.exit(f"{type(error).__name__}: {error.strerror}")
print(Path("old").read_text("utf-8"))
"""


def refused(folder: Path, times: int, winerror: int) -> subprocess.CompletedProcess[bytes]:
    environment = real_model_environment(folder)
    return run_on_windows("-c", REFUSING, str(times), str(winerror), environment=environment, folder=folder)


def test_a_refused_rename_is_tried_again(tmp_path: Path) -> None:
    assert refused(tmp_path, 3, 32).stdout == b"new\n"


@pytest.mark.parametrize(
    ("winerror", "sentence"),
    [
        (32, b"FileInUse: another program has it open, close that program and try again\n"),
        (5, b"PermissionError: its rights forbid it or a program has it open, mend that and try again\n"),
    ],
)
def test_a_rename_that_stays_refused_says_what_to_do(tmp_path: Path, winerror: int, sentence: bytes) -> None:
    done = refused(tmp_path, 100, winerror)
    assert (done.returncode, done.stderr) == (1, sentence)
