"""Folders and libraries that another user of the machine planted: compiled operations, locks, and links."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.engine.kernels.library_store import LibraryStore
from bot.errors import UserError
from bot.platforms.instance_lock import hold_token
from bot.system.ownership import ownership_fault
from tests.paths import ROOT
from tests.security.planting import PLANT, hand_over, needs_root, open_to_all

pytestmark = needs_root


def library(store: LibraryStore) -> Path:
    with store.draft_folder() as folder:
        (folder / "library").write_bytes(b"machine code")
        return store.keep(folder / "library")


@pytest.mark.parametrize("way", [*PLANT, "truncated", "empty", "other bytes"])
def test_a_planted_library_is_deleted_and_made_anew(tmp_path: Path, way: str) -> None:
    store = LibraryStore(tmp_path / "cache", "0" * 16, ".so")
    path = library(store)
    assert store.find() == path
    spoil: dict[str, Callable[[Path], object]] = {
        **PLANT,
        "truncated": lambda path: os.truncate(path, 5),
        "empty": lambda path: os.truncate(path, 0),
        "other bytes": lambda path: path.write_bytes(b"machine kode"),
    }
    spoil[way](path)
    assert store.find() is None
    assert not os.path.lexists(path)


@pytest.mark.parametrize("way", ["another's", "another's link"])
def test_no_library_is_loaded_from_a_folder_of_another_user(tmp_path: Path, way: str) -> None:
    store = LibraryStore(tmp_path / "cache", "0" * 16, ".so")
    library(store)
    PLANT[way](tmp_path / "cache")
    with pytest.raises(OSError, match="not a folder of your own"):
        store.find()


@pytest.mark.parametrize("way", PLANT)
def test_no_library_is_loaded_below_a_folder_of_another_user(tmp_path: Path, way: str) -> None:
    store = LibraryStore(tmp_path / "above/cache", "0" * 16, ".so")
    library(store)
    PLANT[way](tmp_path / "above")
    with pytest.raises(OSError, match=r"another user|every user"):
        store.find()


@pytest.mark.parametrize("way", ["another's", "another's link"])
def test_a_planted_folder_of_locks_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "alterego").mkdir()
    PLANT[way](tmp_path / "alterego")
    with pytest.raises(UserError, match="XDG_STATE_HOME"), hold_token("Discord", "abc"):
        pass


def test_folders_on_the_way_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").touch()
    assert ownership_fault(tmp_path / "a/b/file") is None
    hand_over(tmp_path / "a")
    assert ownership_fault(tmp_path / "a/b/file") is not None


def test_a_file_of_its_own_in_a_folder_with_the_sticky_bit_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tmp_path.chmod(0o1777)
    assert ownership_fault(tmp_path / "file") is None


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert ownership_fault(tmp_path / "a") is not None


def test_a_link_of_its_own_to_a_file_of_its_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("../" + tmp_path.name + "/file")
    assert ownership_fault(tmp_path / "link") is None
    hand_over(tmp_path / "file")
    assert ownership_fault(tmp_path / "link") is not None


@pytest.mark.parametrize("change", [hand_over, open_to_all, None], ids=["its owner", "open to all", "own"])
def test_whoever_may_write_the_programs_code_may_write_what_it_loads(
    tmp_path: Path, change: Callable[[Path], None] | None
) -> None:
    code = tmp_path / "code/bot"
    shutil.copytree(ROOT / "bot/system", code / "system")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "bot" / name, code)
    planted = tmp_path / "planted"
    planted.touch()
    hand_over(planted)
    if change:
        change(code / "system/ownership.py")
    asked = f"from bot.system.ownership import ownership_fault; print(ownership_fault({str(planted)!r}))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", asked],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "code")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout == "None\n") == bool(change)
