"""A tiny model's folder, a copy of it to spoil, an empty cache of the hub, and what packing finds."""

import shutil
from pathlib import Path

import pytest

from bot.engine.model_loader import quantization
from bot.engine.model_loader.packed import stored_matrix
from tests.fakes import tiny


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def mine(folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to spoil."""
    return Path(shutil.copytree(folder, tmp_path / "mine"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no way to the hub itself."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(cache), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a compiler, without which folders are not packed."""
    monkeypatch.setattr(quantization, "find_toolchains", lambda: iter(["gcc"]))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors are packed in several pieces, however small they are."""
    monkeypatch.setattr(stored_matrix, "_PIECE", 1000)
