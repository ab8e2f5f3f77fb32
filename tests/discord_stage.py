"""A bot on a fake Discord: the real client library, a real memory, a scripted model."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Self

from bot.chat.chat import Chat
from bot.config import Addresses, ChatSettings, DiscordSettings, ModelSettings
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Cast
from bot.platforms.discord import Discord
from bot.platforms.discord.clocks import Clocks
from tests.conftest import MARA, OZZO
from tests.fakes.discord.faults import Serve
from tests.fakes.discord.request import Reply, Request
from tests.fakes.discord_server import Channel, DiscordServer, Message, User
from tests.fakes.model import ScriptedEngine

QUICK = Clocks(
    call=2.0,
    pace=0.05,
    typing=0.3,
    guilds=0.05,
    identify=0.05,
    heartbeat=5.0,
    reconnect=0.2,
    unheard=0.2,
    retry=0.05,
)
CONTENT = 1 << 19  # the application's flag that it may read messages


async def _may_read(request: Request, serve: Serve) -> Reply:
    """The application as one whose owner has switched the intent on."""
    reply = await serve()
    return Reply(reply.status, {**reply.body, "flags": CONTENT}, reply.headers)


class DiscordStage:
    """A server with one channel, two people, and a bot that can be stopped and started again."""

    def __init__(self, folder: Path, fake: DiscordServer) -> None:
        self.folder, self.fake, self.engine = folder, fake, ScriptedEngine()
        self.settings, self.cast = ChatSettings(debounce=0), Cast({"mara": MARA, "ozzo": OZZO}, {})
        self.clocks, self.owners = QUICK, tuple[str, ...]()
        self.ana, self.bo = fake.user("ana"), fake.user("bo")
        self.guild = fake.guild("Harbour", self.ana, self.bo)
        self.quay = fake.channel(self.guild, "quay")
        fake.faults.script("GET /oauth2/applications/@me", _may_read, times=100)
        self.memory: Memory
        self.chat: Chat
        self.bot: Discord
        self.running: asyncio.Task[None]
        self._open = AsyncExitStack()

    async def start(
        self, *, connected: bool = True, logged_in: Callable[[], Awaitable[None]] | None = None
    ) -> Self:
        """Open everything; with `connected`, wait until a session has begun."""
        self.memory = await self._open.enter_async_context(Memory(self.folder / "memory.db"))
        self.chat = Chat(self.memory, self.engine, self.cast, self.settings, ModelSettings())
        addresses = Addresses(self.fake.api, self.fake.gateway)
        self.bot = Discord(
            self.chat, DiscordSettings(owners=self.owners), self.fake.token, addresses, self.clocks
        )
        await self._open.enter_async_context(self.bot)
        await self._open.enter_async_context(self.chat)
        if logged_in:
            await logged_in()
        self.running = asyncio.create_task(self.bot.run())
        self._open.push_async_callback(self._end)
        if connected:
            await self.fake.until(lambda: self.bot._recovered)
            scope = f"discord/{self.fake.bot.id}"
            while not (await self.memory.settings(scope)).get("menu"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self

    async def stop(self) -> None:
        """Leave as at SIGTERM."""
        self.bot.hush()
        await self._open.aclose()

    async def _end(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def call(self, text: str, author: User | None = None, channel: Channel | None = None) -> Message:
        """Somebody says something to the bot."""
        return self.fake.say(
            channel or self.quay,
            author or self.ana,
            f"{self.fake.bot.mention} {text}",
            mentions=[self.fake.bot],
        )

    async def says(self, *texts: str, channel: Channel | None = None) -> None:
        """Wait until the last things said in a channel are these."""
        where = channel or self.quay
        await self.fake.until(lambda: where.texts[-len(texts) :] == list(texts))
        await self.idle()

    async def idle(self) -> None:
        """Wait until nothing is being taken in, answered or sent."""
        await self.fake.until(lambda: self._is_idle())

    def _is_idle(self) -> bool:
        taking_in = self.bot._intake._waiting or self.bot._intake._arrived.is_set()
        return not taking_in and not any(room.busy for room in self.chat.rooms())

    async def remembered(self, count: int) -> None:
        """Wait until so many messages of the channel are remembered."""
        while len(await self.history()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def place(self, channel: Channel | None = None) -> Place:
        where = channel or self.quay
        top = where.parent or where
        return Place(
            "discord",
            str(self.fake.bot.id),
            str(top.id),
            str(where.id) if where.parent else "",
            server=str(where.guild.id) if where.guild else "",
        )

    async def history(self, channel: Channel | None = None) -> list[str]:
        said = await self.memory.history(self.place(channel))
        return [f"{message.author.name}: {message.text}" for message in said]


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[DiscordStage]:
    async with DiscordServer() as fake:
        fake.limits.on = False
        fake.token = fake.rest.token = fake.hub.token = secrets.token_hex(16)  # one instance of each runs
        stage = DiscordStage(folder, fake)
        try:
            yield stage
        finally:
            await stage.stop() if hasattr(stage, "bot") else None
        assert fake.unknown == []
        assert fake.schema_errors == [], fake.schema_errors
