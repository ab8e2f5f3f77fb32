"""While a model is fetched or loaded, a terminal shows the stage; a pipe does not."""

import asyncio
from dataclasses import replace
from io import StringIO

import pytest

from bot.engine.interface import Status
from bot.errors import UserError
from bot.platforms.terminal.batch import wait_ready
from tests.fakes.model import ScriptedEngine

STAGE = "fetching a/b (once): 10 of 940 MB, 5.0 MB/s, 3:06 left"


class LoadingEngine(ScriptedEngine):
    """An engine that tells its stage, and is ready once somebody has asked for it twice."""

    def __init__(self, fault: UserError | None = None) -> None:
        super().__init__()
        self.fault, self.asked, self.is_ready = fault, 0, asyncio.Event()

    async def ready(self) -> None:
        await self.is_ready.wait()
        if self.fault:
            raise self.fault

    def status(self) -> Status:
        self.asked += 1
        if self.asked == 2:
            self.is_ready.set()
        return replace(super().status(), state="loading", stage=STAGE)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "shown"), [(Terminal(), f"\r{STAGE}\r{STAGE}\r{' ' * len(STAGE)}\r"), (StringIO(), "")]
)
async def test_the_stage_is_shown_until_the_model_is_ready(stream: StringIO, shown: str) -> None:
    await wait_ready(LoadingEngine(), stream)
    assert stream.getvalue() == shown


async def test_an_error_of_the_load_is_raised_behind_a_cleared_line() -> None:
    terminal = Terminal()
    with pytest.raises(UserError, match="no such model"):
        await wait_ready(LoadingEngine(UserError("no such model")), terminal)
    assert terminal.getvalue().endswith(f"\r{' ' * len(STAGE)}\r")
