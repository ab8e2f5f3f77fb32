"""The exit code of gpu.sh is that of the checks, whatever environment is active."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT

# A python that sees a card or not, and whose pytest ends with a code.
PYTHON = """#!/bin/sh
case "$*" in
    *is_available*) exit {blind} ;;
    *pytest*) echo "pytest $*"; exit {code} ;;
esac
"""


def run(folder: Path, blind: int, code: int) -> subprocess.CompletedProcess[str]:
    program = folder / "python"
    program.write_text(PYTHON.format(blind=blind, code=code))
    program.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "VIRTUAL_ENV": str(folder)}
    command = ["sh", str(ROOT / "tests/gpu.sh")]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 1), (2, 1), (5, 1), (124, 124), (137, 124)])
def test_the_exit_code_is_that_of_the_checks(tmp_path: Path, code: int, expected: int) -> None:
    done = run(tmp_path, blind=0, code=code)
    assert done.returncode == expected
    assert "pytest -m pytest -m gpu" in done.stdout


def test_without_a_card_nothing_is_checked(tmp_path: Path) -> None:
    done = run(tmp_path, blind=1, code=0)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gpu.sh: torch finds no graphics card here: 'python -m bot doctor' says why.\n"
