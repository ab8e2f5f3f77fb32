"""A faithful Discord with one person and one channel, to which discord.py connects."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.discord_client import pointed
from tests.fakes.discord_server import Channel, DiscordServer, User


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with pointed(monkeypatch) as server:
        yield server


@pytest.fixture
def ana(fake: DiscordServer) -> User:
    return fake.user("ana")


@pytest.fixture
def quay(fake: DiscordServer, ana: User) -> Channel:
    return fake.channel(fake.guild("Harbour", ana), "quay")
