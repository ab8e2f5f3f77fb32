"""Fixtures of the tests of the bot on Telegram."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.fakes.telegram_server import TelegramServer
from tests.telegram_stage import Bot

pytest_plugins = ["tests.fakes.telegram.fixture"]


@pytest.fixture
async def cold(telegram: TelegramServer, tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot that is not started yet."""
    telegram.updates.longest = 1.0
    telegram.token = f"{telegram.bot.id}:{uuid4().hex}"  # the lock on a token is the machine's
    made = Bot(telegram, tmp_path)
    yield made
    await made.stop()


@pytest.fixture
async def bot(cold: Bot) -> Bot:
    await cold.start()
    return cold
