"""Converted copies of base models: found again, checked by hash, made anew when damaged."""

import os
from pathlib import Path

import pytest

from bot.engine.checkpoint.converted import find_converted, make_converted


def write(folder: Path) -> None:
    (folder / "weights").write_bytes(b"weights")
    (folder / "config").write_bytes(b"config")


def test_a_copy_is_found_again(tmp_path: Path) -> None:
    assert find_converted(tmp_path, "f" * 64, "nf4") is None
    made = make_converted(tmp_path, "f" * 64, "nf4", write)
    assert find_converted(tmp_path, "f" * 64, "nf4") == made
    assert find_converted(tmp_path, "f" * 64, "int8") is None
    assert find_converted(tmp_path, "e" * 64, "nf4") is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda copy: (copy / "weights").write_bytes(b"weightz"),
        lambda copy: (copy / "weights").unlink(),
        lambda copy: (copy / "copy.json").unlink(),
        lambda copy: (copy / "copy.json").write_text("{}"),
        lambda copy: (copy / "copy.json").write_text('{"files": {}}'),
    ],
)
def test_a_damaged_copy_is_none(tmp_path: Path, spoil: object) -> None:
    made = make_converted(tmp_path, "f" * 64, "nf4", write)
    spoil(made)  # type: ignore[operator]
    assert find_converted(tmp_path, "f" * 64, "nf4") is None
    assert find_converted(tmp_path, "f" * 64, "nf4") is None
    assert make_converted(tmp_path, "f" * 64, "nf4", write) == made
    assert find_converted(tmp_path, "f" * 64, "nf4") == made


def test_older_copies_of_the_same_source_go(tmp_path: Path) -> None:
    (tmp_path / f"{'f' * 24}-nf4-v0").mkdir()
    (tmp_path / f"{'e' * 24}-nf4-v0").mkdir()
    make_converted(tmp_path, "f" * 64, "nf4", write)
    assert sorted(set(os.listdir(tmp_path)) - {".lock"}) == [f"{'e' * 24}-nf4-v0", f"{'f' * 24}-nf4-v3"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".new-abc").mkdir()
    make_converted(tmp_path, "f" * 64, "nf4", write)
    assert not (tmp_path / ".new-abc").exists()


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        make_converted(tmp_path, "f" * 64, "nf4", fail)
    assert set(os.listdir(tmp_path)) <= {".lock"}
