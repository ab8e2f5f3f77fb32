"""A tiny model, two adapters, and an engine that is ready."""

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local.driver import settings
from tests.fakes import tiny


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def adapters(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the adapters "a" of rank 4 and "b" of rank 8."""
    return {
        name: tiny.save_adapter(tmp_path_factory.mktemp(name), folder, seed, r=4 * (seed + 1))
        for seed, name in enumerate(("a", "b"))
    }


@pytest.fixture
async def engine(folder: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(settings(folder), tmp_path) as engine:
        await engine.ready()
        yield engine


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """An event for `hang`, set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()
