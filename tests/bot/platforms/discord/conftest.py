"""Fixtures of the tests of the bot on Discord."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.discord_outlet import POST


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    """A bot that is connected."""
    async with staged(tmp_path) as built:
        yield await built.start()


@pytest.fixture(params=POST)
def sender(request: pytest.FixtureRequest) -> str:
    """The sender of answers: the account, in a direct chat, or a webhook, in a channel."""
    return str(request.param)
