"""A Python pickle is refused by its first bytes, never opened, and with the command that makes JSON of it."""

import gzip
import os
import pickle
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.paths import EXPORTS
from training.__main__ import main
from training.importers import registry

SET = [
    [
        {"instruction": "问候", "input": "", "output": "你好"},
        {"instruction": "再", "input": "一次", "output": "好"},
    ],
    [{"instruction": "Alone", "input": "", "output": "half \ud800 a face"}],
]


class Canary:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        registry.find_exports(path)
    return str(caught.value)


@pytest.mark.parametrize("ending", ["pkl", "pt", "bin", "json", "jsonl", "csv", "txt", "zip", "js", "gz", ""])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_unopened_whatever_its_name(ending: str, protocol: int, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / f"set.{ending}"
    path.write_bytes(pickle.dumps([*SET, Canary(canary)], protocol))
    assert refusal(path).startswith(f"{path} is a Python pickle, which can run code when it is opened: ")
    assert not canary.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_a_dictionary_is_refused(protocol: int, tmp_path: Path) -> None:
    (tmp_path / "one.pkl").write_bytes(pickle.dumps({"a": 1}, protocol))
    assert "is a Python pickle" in refusal(tmp_path / "one.pkl")


def test_a_pickle_packed_with_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.pkl.gz").write_bytes(gzip.compress(pickle.dumps(SET)))
    assert "is a Python pickle" in refusal(tmp_path / "set.pkl.gz")


def test_a_pickle_beside_an_export_refuses_the_folder(tmp_path: Path) -> None:
    (tmp_path / "set.json").write_bytes((EXPORTS / "cutegpt/set.json").read_bytes())
    (tmp_path / "set.pkl").write_bytes(pickle.dumps(SET))
    assert refusal(tmp_path).startswith(f"{tmp_path}: set.pkl is a Python pickle")


def test_the_command_of_the_refusal_makes_json_that_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "my set.pkl"
    path.write_bytes(pickle.dumps(SET))
    command = refusal(path).split("`")[1]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    texts = [message.text for message in registry.read_exports(tmp_path / "my set.pkl.json")]
    assert texts == ["问候", "你好", "再\n一次", "好", "Alone", "half \ufffd a face"]
    assert shlex.quote("my set.pkl") in command


def test_the_import_command_prints_the_refusal_and_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    (tmp_path / "personas/mara").mkdir(parents=True)
    path = tmp_path / "set.pkl"
    path.write_bytes(pickle.dumps(SET))
    assert main(["--config", str(tmp_path / "config.toml"), "import", "--persona", "mara", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert refusal(path) in err
