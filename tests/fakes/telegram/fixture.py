"""Fixtures: a Telegram that holds every call and result against its description, and a room in it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.telegram.room import Person, Room
from tests.fakes.telegram_server import TelegramServer


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as fake:
        yield fake
    assert (fake.schema_errors, fake.unknown) == ([], [])


@pytest.fixture
async def room(telegram: TelegramServer) -> AsyncIterator[Room]:
    async with aiohttp.ClientSession() as session:
        yield Room(telegram, session)


@pytest.fixture
def ana(telegram: TelegramServer) -> Person:
    user = telegram.user("Ana", "ana_ray")
    return Person(user, telegram.private(user))


@pytest.fixture
def durations_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it python-telegram-bot warns at every RetryAfter that it counts in integers."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
