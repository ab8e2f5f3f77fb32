"""Given messages and their replies: people at a terminal see that the model is being loaded."""

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest

from bot.chat.chat import Chat
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Status
from bot.memory.store import Memory
from bot.message import Author
from bot.persona.persona import Cast
from bot.platforms.terminal.batch import run_batch
from tests.conftest import MARA
from tests.fakes.model import ScriptedEngine


class SlowEngine(ScriptedEngine):
    """An engine that is ready after a moment."""

    is_ready = False

    async def ready(self) -> None:
        await asyncio.sleep(0.05)
        self.is_ready = True

    def status(self) -> Status:
        return replace(super().status(), stage="" if self.is_ready else "loading the base model")


class Written(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "said"), [(True, f"\rloading the base model\r{'':<22}\r"), (False, "")]
)
async def test_loading_is_told_on_a_terminal_alone(tmp_path: Path, is_terminal: bool, said: str) -> None:
    out, err = Written(is_terminal), Written(is_terminal)
    settings = ChatSettings(debounce=0)
    async with (
        Memory(tmp_path / "memory.db") as memory,
        Chat(memory, SlowEngine(), Cast({"mara": MARA}, {}), settings, ModelSettings()) as chat,
    ):
        await run_batch(chat, memory, MARA, Author("local", "Ana"), ["hi"], out=out, err=err)
    assert err.getvalue().startswith(said)
    assert ("loading" in err.getvalue()) is is_terminal
    assert out.getvalue() == "Answer 1.\n\n"
