"""The real discord.py, connected to the fake server, with a record of its messages and events."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yarl

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # discord.py imports audioop, which Python deprecates
    import discord
    from discord import app_commands
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

from tests.fakes.discord_server import Channel, DiscordServer

__all__ = ["Client", "Hurry", "commanded", "discord", "pointed", "running", "text_channel"]


class Client(discord.Client):
    """discord.py with a record of messages and events; identifies again without the five seconds' wait."""

    def __init__(self, **options: Any) -> None:
        intents = discord.Intents.default()
        intents.message_content = intents.members = True
        super().__init__(**{"intents": intents, "guild_ready_timeout": 0.05, **options})
        self.heard: list[str] = []
        self.events: list[str] = []
        self.hooks: list[bool] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        self.hooks.append(initial)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.events.append(event)
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.append(message.content)


@asynccontextmanager
async def running(fake: DiscordServer, kind: type[Client] = Client, **options: Any) -> AsyncIterator[Client]:
    """A client that is ready."""
    async with kind(**options) as client:
        task = asyncio.create_task(client.start(fake.token))
        await fake.until(lambda: "ready" in client.events or task.done())
        yield client
    await asyncio.gather(task, return_exceptions=True)


def text_channel(client: Client, channel: Channel) -> discord.TextChannel:
    found = client.get_channel(channel.id)
    assert isinstance(found, discord.TextChannel)
    return found


class Hurry:
    """A stand-in for asyncio in discord.py, which records each sleep's seconds and does not sleep."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def commanded(
    fake: DiscordServer, act: Callable[[discord.Interaction], Awaitable[None]], **options: Any
) -> AsyncIterator[Client]:
    """A ready client with one registered command, /act."""

    async def callback(interaction: discord.Interaction) -> None:
        await act(interaction)

    class Commanded(Client):
        async def setup_hook(self) -> None:
            tree = app_commands.CommandTree(self)
            command: Any = app_commands.Command(name="act", description="Acts.", callback=callback)
            app_commands.default_permissions(manage_guild=True)(command)
            tree.add_command(command)
            await tree.sync()

    async with running(fake, Commanded, **options) as client:
        yield client


@asynccontextmanager
async def pointed(patch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    """A server without rate limits, to which discord.py of this process connects."""
    async with DiscordServer() as server:
        patch.setattr(Route, "BASE", server.api)
        patch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway))
        patch.setattr(discord.asset.Asset, "BASE", server.cdn)
        server.limits.on = False
        yield server
