"""A hostile evening in a short form; `python -m tests.evening` has the long one."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.evening.discord_evening import on_discord
from tests.evening.evening import Evening
from tests.evening.repeating import RepeatingEngine
from tests.evening.telegram_evening import on_telegram
from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]
COUNT = 80


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with staged(tmp_path) as built:
        built.engine = RepeatingEngine(Random(1))
        yield await built.start()


def check(evening: Evening) -> None:
    seen = (evening.lost, evening.raw_marks, evening.foreign, evening.pings, evening.blank)
    assert seen == (0, (), (), (), 0)
    assert evening.answers > 10


async def test_an_evening_on_telegram_shows_nothing_wrong(cold: Bot) -> None:
    cold.engine = RepeatingEngine(Random(1))
    await cold.start()
    check(await on_telegram(cold, 1, COUNT))


async def test_an_evening_on_discord_shows_nothing_wrong(stage: DiscordStage) -> None:
    check(await on_discord(stage, 1, COUNT))
