"""The trainer on a pretended Windows, from an export to a persona that talks with its adapter."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.pretended_windows import CTRL_BREAK, real_model_environment, run_on_windows
from tests.fixtures.tiny_training import SMALL, TinyPersona
from tests.training.trainer.test_resume import wait_for_step

# All commands in one process: none may leave a file open or mapped that a later one replaces.
COMMANDS = """
import json, sys
from training.__main__ import main
for arguments in json.loads(sys.argv[1]):
    code = main(arguments)
    print("==", arguments[2], code)
"""


@pytest.fixture(scope="module")
def persona(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    return TinyPersona(tmp_path_factory.mktemp("windows"), SMALL, messages=48).built()


def environment(persona: TinyPersona) -> dict[str, str]:
    return real_model_environment(persona.root / "data")


def run(persona: TinyPersona, *commands: tuple[str, ...]) -> list[tuple[str, int]]:
    """Run commands of the trainer in one process; return the name and exit code of each."""
    told = json.dumps([persona.arguments(*command) for command in commands])
    done = run_on_windows("-c", COMMANDS, told, environment=environment(persona))
    assert done.returncode == 0, done.stderr.decode()
    ends = [line.split()[1:] for line in done.stdout.decode().splitlines() if line.startswith("== ")]
    codes = [(name, int(code)) for name, code in ends]
    assert {code for _, code in codes} <= {0}, done.stderr.decode()
    return codes


def export(persona: TinyPersona) -> Path:
    """Write an export of nine questions and answers."""
    lines = []
    for number in range(9):
        pair = {"user": f"What of boat {number}?", "assistant": f"Boat {number} is salt and rope."}
        messages = [{"role": role, "content": text} for role, text in pair.items()]
        lines.append(json.dumps({"messages": messages}))
    path = persona.root / "export.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_run_that_ctrl_break_interrupts_goes_on(persona: TinyPersona) -> None:
    command = [sys.executable, "-m", "training", *persona.arguments("train")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environment(persona), **pipes)  # type: ignore[call-overload]
    wait_for_step(persona, 2, process)
    os.kill(process.pid, getattr(signal, CTRL_BREAK))
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "to go on: python -m training train --persona mara --resume" in error


def test_every_command_replaces_what_earlier_ones_have_written(persona: TinyPersona) -> None:
    adapter = str(persona.folder / "adapter")
    commands = (
        ("train", "--resume"),
        ("evaluate", "--samples", "10", "--copied", "1"),
        ("import", str(export(persona))),
        ("build", "--window", "256"),
        ("train", "--continue-from", adapter),
        ("export", "--format", "peft", str(persona.root / "exported")),
        ("forget", "Ana"),
    )
    run(persona, *commands)
    left = {path.name for path in persona.folder.iterdir()}
    assert left == {*"adapter adapter.lock adapter.previous card.json persona.toml work".split()}


def test_the_bot_talks_with_the_adapter_and_doctor_finds_nothing_wrong(persona: TinyPersona) -> None:
    settings = ("--config", str(persona.root / "config.toml"))
    chat = ("-m", "bot", *settings, "chat", "--say", "What of boats?")
    talked = run_on_windows(*chat, environment=environment(persona))
    assert (talked.returncode, talked.stderr.decode()) == (0, "")
    found = run_on_windows("-m", "bot", *settings, "doctor", environment=environment(persona))
    assert (found.returncode, "ok    adapter    mara" in found.stdout.decode()) == (0, True), found.stdout
