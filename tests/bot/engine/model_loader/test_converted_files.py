"""A converted copy is used as a whole, with nothing beside what was written into it."""

from pathlib import Path

import pytest

from bot.engine.checkpoint.converted import find_converted, make_converted

SOURCE, PRECISION = "a" * 64, "int8"


def write(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_bytes(b"{}")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return make_converted(tmp_path, SOURCE, PRECISION, write)


def test_a_whole_copy_is_found(copy: Path, tmp_path: Path) -> None:
    assert find_converted(tmp_path, SOURCE, PRECISION) == copy


@pytest.mark.parametrize("name", ["decoy.safetensors", "pytorch_model.bin", "modeling.py", ".hidden"])
def test_a_copy_with_a_file_more_is_made_anew(name: str, copy: Path, tmp_path: Path) -> None:
    (copy / name).write_bytes(b"x")
    assert find_converted(tmp_path, SOURCE, PRECISION) is None
    assert make_converted(tmp_path, SOURCE, PRECISION, write) == copy
    assert not (copy / name).exists()


def test_a_copy_with_a_folder_in_it_is_made_anew(copy: Path, tmp_path: Path) -> None:
    (copy / "sub").mkdir()
    assert find_converted(tmp_path, SOURCE, PRECISION) is None


def test_a_copy_with_a_link_in_place_of_a_file_is_made_anew(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"weights")
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert find_converted(tmp_path, SOURCE, PRECISION) is None
