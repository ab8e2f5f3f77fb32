"""A device in the settings is one that is served, or refused in one sentence with the remedy."""

from pathlib import Path

import pytest

from bot.config import load_config
from bot.errors import UserError


def device_of(folder: Path, name: str) -> str:
    file = folder / "config.toml"
    file.write_text(f'[model]\ndevice = "{name}"\n')
    return load_config(file, {}).model.device


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_a_served_device_is_taken(tmp_path: Path, name: str) -> None:
    assert device_of(tmp_path, name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mps", "torch 2.13 multiplies matrices wrongly on Apple's GPU"),
        ("mps:0", 'set it to "cpu"'),
        ("MPS", 'set it to "cpu"'),
        ("rocm", 'set it to "cuda"'),
        ("xpu", "cards of Intel were never tried here"),
        ("gpu", 'set it to "cuda"'),
        ("CUDA", 'known are "cpu", "cuda"'),
        ("cuda:", 'known are "cpu", "cuda"'),
        ("cuda:-1", 'known are "cpu", "cuda"'),
        ("", 'known are "cpu", "cuda"'),
        ("meta", 'known are "cpu", "cuda"'),
    ],
)
def test_another_device_is_refused_with_file_line_and_remedy(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        device_of(tmp_path, name)
    assert str(refused.value).startswith(f"{tmp_path / 'config.toml'}, line 2: model.device = {name!r}")
    assert reason in str(refused.value)
    assert str(refused.value).count(". ") == 0
