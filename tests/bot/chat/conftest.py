"""A memory with one accepted message, and an outlet that keeps what it was sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.memory.store import Memory
from tests.fakes.outlet import Recorder
from tests.faults.memory_story import said


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with Memory(tmp_path / "memory.db") as opened:
        await opened.accept(said(1))
        yield opened


@pytest.fixture
def outlet() -> Recorder:
    recorder = Recorder()
    recorder.kept = True
    return recorder
