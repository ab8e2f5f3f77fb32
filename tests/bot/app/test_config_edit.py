"""A key of config.toml changes, and nothing else in the file."""

import stat
import sys
import tomllib
from pathlib import Path

import pytest

from bot.app.config_edit import set_key
from bot.errors import UserError
from tests.paths import ROOT

SHIPPED = (ROOT / "config.toml").read_text("utf-8")


def edited(tmp_path: Path, text: str, value: str = "a/b") -> str:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode())
    set_key(file, "model", "name", value)
    return file.read_bytes().decode()


def test_the_shipped_settings_change_in_one_line(tmp_path: Path) -> None:
    before, after = SHIPPED.splitlines(), edited(tmp_path, SHIPPED).splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ('name = "HuggingFaceTB/SmolLM2-135M-Instruct"', 'name = "a/b"')
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[model]\nname = "x"  # mine\n', '[model]\nname = "a/b"  # mine\n'),
        ("[model]\r\n# why\r\nname = 'x' # mine\r\nrows = 4\r\n",
         '[model]\r\n# why\r\nname = "a/b" # mine\r\nrows = 4\r\n'),
        ("", '[model]\nname = "a/b"\n'),
        ("[chat]\nnames = true\n", '[chat]\nnames = true\n[model]\nname = "a/b"\n'),
        ("model.rows = 4\n", 'model.rows = 4\nmodel.name = "a/b"\n'),
        ("[model]\nrows = 4 # few\n\n[chat]\n", '[model]\nrows = 4 # few\nname = "a/b"\n\n[chat]\n'),
        ("model = { rows = 4 }\n", 'model = { rows = 4 , name = "a/b"}\n'),
    ],
)  # fmt: skip
def test_comments_and_line_ends_stay(text: str, expected: str, tmp_path: Path) -> None:
    after = edited(tmp_path, text)
    assert tomllib.loads(after) == tomllib.loads(expected)
    kept = [line for line in text.splitlines() if "name =" not in line and "{" not in line]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert ("\r\n" in after) == ("\r\n" in text)
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in after.splitlines() if "#" in line
    ]


@pytest.mark.parametrize("value", ["C:\\models\\a.gguf", '/m/"quoted".gguf', "/m/字.gguf", "/m/a#b.gguf"])
def test_every_path_is_read_back(value: str, tmp_path: Path) -> None:
    assert tomllib.loads(edited(tmp_path, SHIPPED, value))["model"]["name"] == value


def test_a_byte_order_mark_goes(tmp_path: Path) -> None:
    assert edited(tmp_path, '\ufeff[model]\nname = "x"\n') == '[model]\nname = "a/b"\n'


@pytest.mark.parametrize(
    "text", ["[model", '[model]\nname = "x"\nname = "y"\n', "[model]\nrows = 0\n", "model = 3\n"]
)
def test_settings_that_are_not_valid_stay_as_they_are(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"config\.toml"):
        set_key(file, "model", "name", "a/b")
    assert file.read_text() == text


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        set_key(tmp_path / "config.toml", "model", "name", "a/b")


@pytest.mark.skipif(sys.platform == "win32", reason="no modes and links there")
def test_mode_and_link_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "config.toml"
    real.touch(mode=0o640)
    real.chmod(0o640)
    link.symlink_to(real)
    set_key(link, "model", "name", "a/b")
    assert (link.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == (True, 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "real.toml"]
