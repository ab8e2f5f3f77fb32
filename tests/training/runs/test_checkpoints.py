"""A checkpoint that a killed process left between two names is found, and the one before is never lost."""

from pathlib import Path

import pytest
import torch

from bot.errors import UserError
from training.runs.checkpoints import RunState, read_checkpoint, save_checkpoint


def save(folder: Path, step: int) -> None:
    tensors = {"weight": torch.full((2, 2), float(step))}
    save_checkpoint(folder, {"r": 4}, tensors, tensors, RunState(step=step))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("left", ["last.old", "last.ready"])
def test_a_state_that_was_moved_but_not_yet_named_is_read(left: str, tmp_path: Path) -> None:
    save(tmp_path / "last", 3)
    (tmp_path / "last").rename(tmp_path / left)
    (tmp_path / "last.new").mkdir()
    assert read_checkpoint(tmp_path / "last").state.step == 3
    assert names(tmp_path) == ["last"]


def test_reading_a_state_touches_nothing_beside_it(tmp_path: Path) -> None:
    """Another process of the same run may be writing the next one."""
    save(tmp_path / "last", 3)
    (tmp_path / "last.new").mkdir()
    assert read_checkpoint(tmp_path / "last").state.step == 3
    assert names(tmp_path) == ["last", "last.new"]


def test_a_state_is_four_files_for_their_owner_alone(tmp_path: Path) -> None:
    save(tmp_path / "last", 3)
    expected = ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"]
    assert names(tmp_path / "last") == expected
    assert (tmp_path / "last").stat().st_mode & 0o777 == 0o700


def test_a_state_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The state in .*last cannot be read .*: train without --resume\."):
        read_checkpoint(tmp_path / "last")
