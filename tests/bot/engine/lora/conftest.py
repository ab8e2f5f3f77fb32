"""A tiny base model, an adapter of it, and an engine."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.local.local_engine import LocalEngine
from tests.fakes import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_adapter(tmp_path_factory.mktemp("adapter"), folder)


@pytest.fixture
def mine(adapter: Path, tmp_path: Path) -> Path:
    """Return a copy of the good adapter, to spoil."""
    return Path(shutil.copytree(adapter, tmp_path / "mine"))


@pytest.fixture
async def engine(folder: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(
        ModelSettings(name=str(folder), precision="fp32", threads=1), tmp_path / "data"
    ) as engine:
        await engine.ready()
        yield engine
