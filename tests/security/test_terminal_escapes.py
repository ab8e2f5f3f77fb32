"""A card of ill will on the command line: its escape sequences are shown, and obeyed by no terminal."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.faults.command import COMMAND, environment, house

HOSTILE = "Eve\x1b]52;c;eA==\x07\x1b[2J\x9b8m"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["persona", "list"], "evil         Eve␛]52;c;eA==␇␛[2J\ufffd8m"),
        (["persona", "list"], "bad          broken: "),
        (
            ["persona", "show", "evil"],
            "description                  Eve␛]52;c;eA==␇␛[2J\ufffd8m  (card.json)",
        ),
        (["persona", "show", "bad"], "alterego: The persona 'bad' is broken: "),
        (["doctor"], "WRONG persona    bad: "),
        (["chat", "--persona", "evil", "--say", "hello"], "Aye.␛]0;title␇"),
    ],
)
def test_no_command_obeys_a_card_or_a_reply(command: list[str], shown: str, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text("")
    for key, toml in (("evil", ""), ("bad", 'adapter = "\\u001b]0;title\\u0007"')):
        folder = tmp_path / "personas" / key
        folder.mkdir(parents=True)
        (folder / "persona.toml").write_text(toml)
        (folder / "card.json").write_text(json.dumps({"name": HOSTILE, "description": HOSTILE}))
    done = subprocess.run(
        [COMMAND, "--config", str(settings), *command],
        cwd=house(),
        env=environment(tmp_path / "data", SCRIPT="Aye.\x1b]0;title\x07"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown in done.stdout + done.stderr
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr)
