"""Files and folders are replaced as a whole or not at all, whenever the process ends."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.files import FolderSwap, hash_file, recover_folder, replace_folder, write_private


@pytest.fixture
def swap(tmp_path: Path) -> FolderSwap:
    return FolderSwap.beside(tmp_path / "home")


def fill(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "text").write_text(text)


def content(root: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in root.glob("*/text")}


def test_a_hash_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"words" * 100_000)
    assert hash_file(tmp_path / "file") == hashlib.sha256(b"words" * 100_000).hexdigest()


def test_a_missing_file_hashes_as_an_empty_one_only_where_that_is_allowed(tmp_path: Path) -> None:
    assert hash_file(tmp_path / "none", missing_ok=True) == hashlib.sha256().hexdigest()
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "none")


def test_a_private_file_and_its_new_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "work/file", [b"one", b"two"])
    assert (tmp_path / "work/file").read_bytes() == b"onetwo"
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "work", tmp_path / "work/file")]
    assert modes == [0o700, 0o600]


def test_a_draft_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("broken")

    write_private(tmp_path / "file", [b"before"])
    with pytest.raises(ValueError, match="broken"):
        write_private(tmp_path / "file", broken())
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"


def test_a_draft_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"target")
    for name in ("file", "file.new"):
        (tmp_path / name).symlink_to(tmp_path / "target")
    write_private(tmp_path / "file", [b"new"])
    assert (tmp_path / "target").read_bytes() == b"target"
    assert not (tmp_path / "file").is_symlink()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(UserError, match=r"file cannot be written: Is a directory\."):
        write_private(tmp_path / "file", [b"new"])


def test_a_folder_is_replaced_and_nothing_else_stays(swap: FolderSwap, tmp_path: Path) -> None:
    for text in ("one", "two"):
        assert replace_folder(swap, lambda draft, text=text: fill(draft, text)) == swap.home  # type: ignore[misc]
        assert content(tmp_path) == {"home": text}
    assert swap.home.stat().st_mode & 0o777 == 0o700


def test_the_folder_before_is_kept_where_that_is_wanted(tmp_path: Path) -> None:
    home, draft, ready, previous = (tmp_path / name for name in ("home", "draft", "ready", "previous"))
    swap = FolderSwap(home, draft, ready, previous, keeps_previous=True)
    for text in ("one", "two", "three"):
        replace_folder(swap, lambda draft, text=text: fill(draft, text))  # type: ignore[misc]
    assert content(tmp_path) == {"home": "three", "previous": "two"}


def test_a_draft_that_cannot_be_filled_vanishes(swap: FolderSwap, tmp_path: Path) -> None:
    replace_folder(swap, lambda draft: fill(draft, "one"))

    def fail(draft: Path) -> None:
        fill(draft, "half")
        raise UserError("refused")

    with pytest.raises(UserError, match="refused"):
        replace_folder(swap, fail)
    assert content(tmp_path) == {"home": "one"}


@pytest.mark.parametrize("failing", range(3))
def test_where_a_rename_fails_the_folder_is_as_before(
    failing: int, swap: FolderSwap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_folder(swap, lambda draft: fill(draft, "one"))
    rename, left = os.replace, iter(range(10))

    def refuse(path: Path, target: Path) -> None:
        if next(left) == failing:
            raise OSError(28, "No space left on device")
        rename(path, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        replace_folder(swap, lambda draft: fill(draft, "two"))
    monkeypatch.undo()
    recover_folder(swap)
    assert content(tmp_path)["home"] in ("one", "two")
    assert len(os.listdir(tmp_path)) == 1


# The folders beside each other when a process was killed, and the home that is whole afterwards.
INTERRUPTED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "nothing was there": ({}, {}),
    "while the first draft was filled": ({"home.new": "half"}, {}),
    "while a draft was filled": ({"home": "one", "home.new": "half"}, {"home": "one"}),
    "before the first swap": ({"home.ready": "one"}, {"home": "one"}),
    "before the swap": ({"home": "one", "home.ready": "two"}, {"home": "two"}),
    "between the renames": ({"home.old": "one", "home.ready": "two"}, {"home": "two"}),
    "by a version without home.ready": ({"home.old": "one", "home.new": "two"}, {"home": "one"}),
    "by a version that had only moved it": ({"home.old": "one"}, {"home": "one"}),
}


@pytest.mark.parametrize("moment", INTERRUPTED)
def test_a_swap_that_was_interrupted_is_finished(moment: str, swap: FolderSwap, tmp_path: Path) -> None:
    left, expected = INTERRUPTED[moment]
    for name, text in left.items():
        fill(tmp_path / name, text)
    for _ in ("once", "again"):
        assert recover_folder(swap) == swap.home
        assert content(tmp_path) == expected


@pytest.mark.parametrize("moment", INTERRUPTED)
def test_after_any_interruption_a_folder_can_be_replaced(
    moment: str, swap: FolderSwap, tmp_path: Path
) -> None:
    for name, text in INTERRUPTED[moment][0].items():
        fill(tmp_path / name, text)
    replace_folder(swap, lambda draft: fill(draft, "new"))
    assert content(tmp_path) == {"home": "new"}


def test_a_previous_folder_that_was_not_yet_deleted_goes_with_the_next_swap(
    swap: FolderSwap, tmp_path: Path
) -> None:
    fill(swap.home, "two")
    fill(swap.previous, "one")
    replace_folder(swap, lambda draft: fill(draft, "three"))
    assert content(tmp_path) == {"home": "three"}
