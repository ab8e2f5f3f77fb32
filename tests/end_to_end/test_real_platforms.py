"""The installed command with the real default model, on Discord and on Telegram at once."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import TelegramServer
from tests.faults.towns import may_read
from tests.paths import ROOT

pytestmark = pytest.mark.model
COMMAND = str(Path(sys.executable).with_name("alterego"))
CONFIG = f"""
[model]
threads = 1  # other tests may be running
[chat]
persona = "xiaoman"
debounce = 0.2
[paths]
personas = "{ROOT / "personas"}"
"""
PATIENCE = 240  # seconds: the model may have to be converted


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as fake:
        fake.faults.script("GET /oauth2/applications/@me", may_read, times=10)
        yield fake


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as fake:
        yield fake
    assert (fake.schema_errors, fake.unknown) == ([], [])


async def started(
    folder: Path, discord: DiscordServer, telegram: TelegramServer
) -> asyncio.subprocess.Process:
    (folder / "config.toml").write_text(CONFIG)
    environment = {
        **os.environ,
        "ALTEREGO_DATA": str(folder / "data"),
        "DISCORD_TOKEN": discord.token,
        "ALTEREGO_DISCORD_API": discord.api,
        "ALTEREGO_DISCORD_GATEWAY": discord.gateway,
        "TELEGRAM_TOKEN": telegram.token,
        "ALTEREGO_TELEGRAM_API": telegram.url,
    }
    with (folder / "log").open("wb") as log:
        command = (COMMAND, "--config", str(folder / "config.toml"))
        return await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)


def spoke(folder: Path) -> set[tuple[str, str]]:
    """Which persona spoke in which chat, as memory has it."""
    with closing(sqlite3.connect(folder / "data" / "memory.db")) as memory:
        return set(
            memory.execute("SELECT chat, persona FROM answers JOIN places ON places.id = answers.place")
        )


async def test_three_personas_talk_at_once_each_in_the_right_place(
    tmp_path: Path, discord: DiscordServer, telegram: TelegramServer
) -> None:
    ana, bo = discord.user("ana"), discord.user("bo")
    guild = discord.guild("Harbour", ana, bo)
    quay, hotel = discord.channel(guild, "quay"), discord.channel(guild, "hotel")
    chen = telegram.user("Chen", "chen")
    private = telegram.private(chen)
    process = await started(tmp_path, discord, telegram)
    await discord.until(lambda: discord.sessions, PATIENCE)
    discord.say(quay, ana, "Mara, how is the sea tonight?")
    discord.say(hotel, bo, "Ozzo, where is my suitcase?")
    telegram.say(private, chen, "你好，今天吃什么？")

    def answered() -> bool:
        return bool(from_bots(quay) and from_bots(hotel) and telegram.visible(private))

    def from_bots(channel: object) -> list[str]:
        found = channel.messages.values()  # type: ignore[attr-defined]
        return [message.author.name for message in found if message.author.bot]

    await discord.until(answered, PATIENCE)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0, (tmp_path / "log").read_text()
    assert ({*from_bots(quay)}, {*from_bots(hotel)}) == ({"Mara"}, {"Ozzo"})
    assert spoke(tmp_path) == {
        (str(quay.id), "mara"),
        (str(hotel.id), "ozzo"),
        (str(private.id), "xiaoman"),
    }
