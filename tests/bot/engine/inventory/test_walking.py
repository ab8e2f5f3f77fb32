"""The walk for models ends, whatever folders lead to."""

import os
import sys
from pathlib import Path

import pytest

from bot.engine.inventory import walking
from bot.engine.inventory.walking import DEEPEST, Walked, find_model_paths


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_files_and_folders_of_models_are_found_in_order(tmp_path: Path) -> None:
    upper = put(tmp_path / "b/B.GGUF")
    put(tmp_path / "b/b.txt")
    put(tmp_path / "a/config.json")
    put(tmp_path / "a/model.safetensors")
    put(tmp_path / "c/config.json")  # of anything
    assert list(find_model_paths(tmp_path)) == [Walked(tmp_path / "a"), Walked(upper)]
    assert list(find_model_paths(upper)) == [Walked(upper)]


def test_hidden_folders_and_the_bots_own_copies_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / ".git/a.gguf")
    for name in ("copy.json", "config.json", "model.safetensors"):
        put(tmp_path / "copy" / name)
    assert list(find_model_paths(tmp_path)) == []


def test_links_in_a_circle_are_followed_once(tmp_path: Path) -> None:
    model = put(tmp_path / "a/a.gguf")
    (tmp_path / "a/again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b").symlink_to(tmp_path / "a", target_is_directory=True)
    assert list(find_model_paths(tmp_path)) == [Walked(model)]


def test_a_folder_behind_a_link_is_searched(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/a.gguf")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list(find_model_paths(tmp_path / "models")) == [Walked(tmp_path / "models/linked/a.gguf")]


def test_the_walk_goes_so_deep_and_no_deeper(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath(*("a" * DEEPEST))
    there = put(deepest / "a.gguf")
    put(deepest / "b/b.gguf")
    assert list(find_model_paths(tmp_path)) == [Walked(there)]


def test_of_very_many_files_the_rest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MOST_ENTRIES", 20)
    for number in range(30):
        put(tmp_path / f"{number:02}.txt")
    assert list(find_model_paths(tmp_path)) == [
        Walked(tmp_path, "only the first 20 files were looked at: name a smaller folder")
    ]


def test_of_very_many_models_the_rest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MOST_MODELS", 2)
    files = [put(tmp_path / f"{number}.gguf") for number in range(5)]
    rest = Walked(tmp_path, "only the first 2 models are listed")
    assert list(find_model_paths(tmp_path)) == [Walked(files[0]), Walked(files[1]), rest]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    assert list(find_model_paths(tmp_path)) == [Walked(closed, "cannot be read (Permission denied)")]
    closed.chmod(0o700)
