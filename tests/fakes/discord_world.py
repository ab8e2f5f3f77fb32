"""A bare client of the fake Discord, over HTTP and the gateway, and a small world for it to visit."""

import json
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.fakes.discord_server import Channel, DiscordServer, Guild, Message, User

INTENTS = 1 | 1 << 1 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 15


@dataclass
class World:
    """A guild, a channel, one that is hidden from the bot, and a bare HTTP client with the bot's token."""

    fake: DiscordServer
    session: aiohttp.ClientSession
    ana: User = field(init=False)
    guild: Guild = field(init=False)
    quay: Channel = field(init=False)
    hold: Channel = field(init=False)
    said: Message = field(init=False)

    def __post_init__(self) -> None:
        fake = self.fake
        self.ana = fake.user("ana")
        self.guild = fake.guild("Harbour", self.ana)
        self.quay, self.hold = fake.channel(self.guild, "quay"), fake.channel(self.guild, "hold")
        fake.permit(self.hold, self.guild.everyone, deny=["view_channel"])
        self.said = fake.say(self.quay, self.ana, "ahoy")

    async def ask(self, line: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body of "METHOD /path"; names in braces stand for ids of this world."""
        method, path = line.split(" ")
        path = re.sub(r"\{(\w+)\}", lambda match: str(getattr(self, match[1]).id), path)
        given = {"Authorization": f"Bot {self.fake.token}", **headers}
        async with self.session.request(method, self.fake.api + path, json=body, headers=given) as found:
            text = await found.text()
            return found.status, json.loads(text) if text else None

    async def refused(self, line: str, body: Any = None) -> tuple[int, int]:
        """Status and code of an error."""
        status, found = await self.ask(line, body)
        return status, found["code"]

    async def webhook(self, name: str = "gull") -> str:
        """A new webhook's path."""
        _, found = await self.ask("POST /channels/{quay}/webhooks", {"name": name})
        return f"/webhooks/{found['id']}/{found['token']}"


class Socket:
    """A bare client of the gateway."""

    def __init__(self, world: World, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.world, self.socket = world, socket
        self._zlib = zlib.decompressobj()

    async def hear(self) -> dict[str, Any]:
        """The next frame; ConnectionError with the code when it was closed."""
        message = await self.socket.receive(5)
        if message.type is aiohttp.WSMsgType.BINARY:
            found: dict[str, Any] = json.loads(self._zlib.decompress(message.data))
            return found
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(self.socket.close_code)
        return dict(json.loads(message.data))

    async def hear_event(self, name: str) -> dict[str, Any]:
        while (frame := await self.hear()).get("t") != name:
            pass
        return frame

    async def closed(self) -> int:
        """Hear everything that is left; the code with which the server closed."""
        try:
            while True:
                await self.hear()
        except ConnectionError as error:
            return int(error.args[0])

    async def say(self, op: int, data: Any) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def identify(self, intents: int = INTENTS, **more: Any) -> dict[str, Any]:
        await self.say(2, {"token": self.world.fake.token, "intents": intents, "properties": {}, **more})
        return await self.hear_event("READY")


@asynccontextmanager
async def plugged(world: World, query: str = "") -> AsyncIterator[Socket]:
    """A connection that has been greeted."""
    async with world.session.ws_connect(world.fake.gateway + query) as socket:
        found = Socket(world, socket)
        assert (await found.hear())["op"] == 10
        yield found
