"""Files of strangers: a link may not lead out of its folder, whichever way the folder is named."""

import os
from pathlib import Path

import pytest

from bot.untrusted import RefusedFile, open_regular


def test_a_folder_named_relative_to_the_current_one_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with open_regular(Path("adapter"), "config.json") as file:
        assert file.read() == b"{}"


def test_a_folder_behind_a_link_is_opened(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/config.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with open_regular(tmp_path / "link", "config.json") as file:
        assert file.read() == b"{}"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "adapter/config.json").symlink_to(tmp_path / "secret")
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "adapter", Path("adapter")):
        with pytest.raises(RefusedFile, match="a link to another place"):
            open_regular(folder, "config.json")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    make = {"folder": os.mkdir, "pipe": os.mkfifo}[kind]
    make(tmp_path / "config.json")
    with pytest.raises(RefusedFile, match="is not a regular file"):
        open_regular(tmp_path, "config.json")


def test_a_file_that_is_replaced_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no O_NOFOLLOW: what was looked at must be what was opened."""
    for name in ("config.json", "other.json"):
        (tmp_path / name).write_text("{}")
    real_open = os.open

    def swap_and_open(path: Path, flags: int) -> int:
        os.replace(tmp_path / "other.json", path)
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(RefusedFile, match="was replaced while it was opened"):
        open_regular(tmp_path, "config.json")
