"""The conversation in a console of a pretended Windows ends in every way that a console has."""

import os
import signal
from pathlib import Path

import pexpect
import pytest

from tests.faults.command import COMMAND, house
from tests.fixtures.pretended_windows import CLOSE_CONSOLE, CTRL_BREAK, windows_environment


@pytest.mark.parametrize("name", ["SIGINT", CTRL_BREAK, CLOSE_CONSOLE])
def test_a_long_answer_is_ended_by(name: str, tmp_path: Path) -> None:
    told = {"SCRIPT": "word " * 3000, "DELAY": "0.05", "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn(
        COMMAND,
        ["chat", "--persona", "mara"],
        cwd=house(),
        env=windows_environment(tmp_path / "data", **told),
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 100),
    )
    child.expect("User.*\x1b")
    child.send("talk\r")
    child.expect(r"word\s+word")
    for _ in range(10):
        os.kill(child.pid, getattr(signal, name))
        if child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=2) == 0:
            break
    child.close()
    assert child.exitstatus == 0
