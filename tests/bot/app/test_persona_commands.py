"""The commands about personas as a user meets them: exit codes, and no library of models."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.command import COMMAND, ROOT, environment


def test_persona_list_names_broken_personas_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "personas/lost").mkdir(parents=True)
    (tmp_path / "config.toml").write_text("")
    done = subprocess.run(
        [COMMAND, "--config", str(tmp_path / "config.toml"), "persona", "list"],
        env=environment(tmp_path / "data"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith(f"lost         broken: {tmp_path}/personas/lost/card.json is missing")
    assert done.returncode == 1


@pytest.mark.parametrize("words", [["list"], ["show", "mara"]])
def test_a_command_about_personas_loads_no_library_of_models(words: list[str]) -> None:
    code = "import sys, bot.__main__ as it\n"
    code += "heavy = {'torch', 'transformers'}\n"
    code += "def leave(code): sys.exit(code or ' '.join(heavy & sys.modules.keys()) or 0)\n"
    code += "it._exit = leave\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}it.main()", "persona", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
