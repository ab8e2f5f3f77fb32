"""Files that the code of before the move of folders (commit e8e2c78) left on a disk still work.

`before_the_move.zip` holds a tiny base model, a persona with an imported chat, its data, an adapter, a
finished and an interrupted training run, and a database with its backup. `expected.json` in it says what that
code read from the database and logged when it resumed the interrupted run, `resumed.safetensors` is the
adapter of that run.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from bot.memory.store import Memory
from bot.message import Place
from tests.paths import ROOT
from training.__main__ import main

ARCHIVE = Path(__file__).with_suffix("").with_name("before_the_move.zip")
HERE = Place("telegram", "bot", "7")
GROUP = Place("discord", "4711", "77", "78", server="9000")
# the losses of two processors differ in the last bits, which fourteen steps carry on
CLOSE = 2e-3


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files in a folder of their own, which is the current one, as it was then."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "personas/mara/work").chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALTEREGO_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def expected(root: Path) -> dict[str, Any]:
    return json.loads((root / "expected.json").read_text())  # type: ignore[no-any-return]


def train(*more: str) -> int:
    return main(["--config", "config.toml", *more, "--persona", "mara"])


async def test_the_database_keeps_every_message_and_setting(root: Path, expected: dict[str, Any]) -> None:
    then = expected["memory"]
    async with Memory(root / "data/memory.db") as memory:
        history = [[m.id, m.author.name, m.text] for m in await memory.history(HERE)]
        assert history == then["history"]
        assert [[m.id, m.text] for m in await memory.history(GROUP)] == then["group"]
        assert [m.id for m in await memory.pending("telegram", "bot")] == then["pending"]
        assert [[o.key, o.text] for o in await memory.unsent("telegram", "bot")] == then["unsent"]
        assert (await memory.settings(str(HERE)))["listen"] == "on"
        assert (await memory.settings("discord/4711/server/9000"))["persona"] == "mara"
        assert (await memory.status()).dead == 1
        assert memory.notices == ()


def test_the_adapter_passes_every_check_and_speaks(root: Path) -> None:
    command = [sys.executable, "-m", "bot", "--config", "config.toml", "chat"]
    command += ["--persona", "mara", "--say", "lamp?"]
    done = subprocess.run(
        command, cwd=root, env=environment(root), capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_the_data_are_built_again_from_the_same_messages(root: Path) -> None:
    before = (root / "personas/mara/work/train.jsonl").read_bytes()
    assert train("build", "--window", "256") == 0
    assert (root / "personas/mara/work/train.jsonl").read_bytes() == before


def test_an_author_of_before_can_be_forgotten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("forget", "ana") == 0
    assert "24 messages of ana erased" in capsys.readouterr().out
    assert b'"author":"ana"' not in (root / "personas/mara/work/messages.jsonl").read_bytes()


def test_the_interrupted_run_is_resumed_to_the_same_adapter(root: Path, expected: dict[str, Any]) -> None:
    assert train("train", "--resume") == 0
    log = (root / "personas/mara/work/runs/0002/log.jsonl").read_text().splitlines()
    lines = [{k: v for k, v in json.loads(line).items() if k != "speed"} for line in log]
    assert [(line["event"], line.get("step")) for line in lines] == [
        (line["event"], line.get("step")) for line in expected["resumed"]
    ]
    for ours, theirs in zip(lines, expected["resumed"], strict=True):
        assert ours.get("loss", 0) == pytest.approx(theirs.get("loss", 0), rel=CLOSE)
    adapter = load_file(root / "personas/mara/adapter/adapter_model.safetensors")
    then = load_file(root / "resumed.safetensors")
    assert adapter.keys() == then.keys()
    assert all(torch.allclose(adapter[name], then[name], atol=CLOSE) for name in then)


def test_what_is_imported_now_joins_the_old_messages_and_the_old_adapter_learns_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = root / "personas/mara/work/messages.jsonl"
    before = messages.read_bytes()
    (root / "result.json").write_text(json.dumps(export(24)))
    assert train("import", "result.json", "--me", "Mara") == 0
    assert len(messages.read_bytes().splitlines()) == 48 + 24
    assert messages.read_bytes().startswith(before)
    assert train("build", "--window", "256") == 0
    capsys.readouterr()
    assert train("train", "--continue-from", "personas/mara/adapter") == 0
    assert "The adapter is in place: adapter/." in capsys.readouterr().out


def export(count: int) -> dict[str, Any]:
    """A chat of Telegram Desktop in which Ana and Mara take turns."""
    said = [
        {
            "id": number,
            "type": "message",
            "date_unixtime": str(1_750_000_000 + 60 * number),
            "from": ("Ana", "Mara")[number % 2],
            "from_id": f"user{number % 2}",
            "text": f"the kettle number {number * 7919} sings",
            "text_entities": [],
        }
        for number in range(count)
    ]
    return {"name": "Ana", "type": "personal_chat", "id": 5, "messages": said}


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "ALTEREGO_DATA": str(root / "data"), "PYTHONPATH": str(ROOT)}
