"""Pasted text files: read within a budget of time, so that no flood of them delays other messages."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.platforms.discord import text_files
from bot.platforms.discord.text_files import TextFiles


class Clock:
    """A clock that each download moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Pasted(discord.Attachment):
    """A pasted text as Discord describes one."""

    def __init__(self, id: int) -> None:
        url = f"https://cdn.discordapp.com/attachments/1/{id}/message.txt"
        data: Any = {"id": id, "filename": "message.txt", "size": 9, "url": url, "proxy_url": url}
        super().__init__(data=data, state=SimpleNamespace(http=None))  # type: ignore[arg-type]


async def test_a_flood_of_files_takes_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    client: Any = None

    async def fetch(client: object, url: str, limit: int) -> bytes:
        clock.now += 0.5
        return b"words"

    monkeypatch.setattr(text_files, "fetch_bytes", fetch)
    files, read = TextFiles(client, clock), 0
    for number in range(200):
        clock.now = max(clock.now, float(number))
        read += len(await files.read([Pasted(number)]))
    assert 20 <= read * 0.5 <= 0.1 * clock.now + 3
