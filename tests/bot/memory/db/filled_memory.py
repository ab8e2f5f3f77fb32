"""A memory with messages, at a fixed time, for tests of its file."""

from pathlib import Path

from bot.memory.store import Memory
from tests.faults.memory_story import said

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
DAY = 86_400


async def fill(path: Path, messages: int = 300) -> None:
    async with Memory(path, lambda: NOW) as memory:
        for number in range(messages):
            await memory.accept(said(number, f"say {number} " * 20))
