"""A memory that is open, for tests of what it stores."""

from pathlib import Path

import pytest

from bot.memory.store import Memory


@pytest.fixture
async def memory(tmp_path: Path):
    async with Memory(tmp_path / "memory.db", lambda: 1000.0) as opened:
        yield opened
