"""A Discord for tests: REST version 10 and the gateway on loopback, for the real, unmodified discord.py.

    async with DiscordServer() as fake:       # at the end: no unknown routes, no breach of Discord's schemas
        fake.api  fake.gateway  fake.cdn      # addresses; also fake.token, fake.bot (a user), fake.owner

World    ana = fake.user("ana")  guild = fake.guild("Harbour", ana)  channel = fake.channel(guild, "quay")
         thread(channel)  dm(ana)  dm(ana, ben)  role(guild, name, bits)  join(guild, user, *roles)
         leave(guild, user)  invite(guild)  kick(guild)  close(channel)  webhook(channel)  drop(webhook)
         permit(channel, user_or_role, "send_messages", deny=["view_channel"])
         bits: permissions("manage_guild", ...), ORDINARY, BOT, ALL
People   say(channel, ana, text, mentions=[fake.bot], reply_to=message) -> Message   edit(message, text)
         delete(message)  bulk_delete(messages)  react(message, ana, "⭐")  unreact(...)  type(channel, ana)
Calls    slash(channel, ana, "memory forget", permissions=0, option=value) -> Interaction
         complete(channel, ana, path, focus, **options)  menu(channel, ana, name, target)
         press(message, ana, custom_id, values)  submit(interaction, values)
         interact(kind, channel, ana, data)
         Interaction: callback text texts ephemeral deferred done choices modal original messages
Looking  channel.texts  message.content .pings .versions .at .nonce  fake.messages
         fake.requests: method path body at answered status   sent("POST /channels/*/messages")
         fake.typings  commands[None or guild id]  told  unknown  schema_errors
         await fake.until(lambda: "..." in channel.texts, seconds=5)
Trouble  fake.faults.script("POST /channels/*/messages", answer(503), answer(502, after=True), limited(1.0),
         reset(after=True), stall(2), call(kill), fine, times=3): one fault a request, in order
         fake.limits.on  .rules["POST /channels/{channel_id}/messages"] = (5, 5.0)  .default
         fake.ack_window  token_life  nonce_window: clocks, in seconds   await fake.down()  await fake.up()
Gateway  fake.sessions  connections  identifies  resumes  presences
         fake.knobs: heartbeat acknowledge compress privileged close_next per_minute
         close_gateway(code)  abort_gateway()  reconnect()  invalidate(resumable=False)  ask_heartbeat()
         repeat("MESSAGE_CREATE", 2)  emit(event, data, where)  await ready()  await storm(count, code)

Nothing of the project is imported here. Times are monotonic seconds.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Self

from aiohttp import web

from tests.fakes.discord import spec
from tests.fakes.discord.calls import Calls
from tests.fakes.discord.faults import answer, call, fine, limited, reset, stall
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.people import People
from tests.fakes.discord.permissions import ALL, BOT, ORDINARY, permissions
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.request import File, Request
from tests.fakes.discord.rest import PREFIX, Rest
from tests.fakes.discord.spec import Spec
from tests.fakes.discord.weather import Weather
from tests.fakes.discord.world import Channel, Guild, Member, Message, Role, User, Webhook

__all__ = [
    "ALL",
    "BOT",
    "ORDINARY",
    "Channel",
    "DiscordServer",
    "File",
    "Guild",
    "Interaction",
    "Member",
    "Message",
    "Request",
    "Role",
    "User",
    "Webhook",
    "answer",
    "call",
    "fine",
    "limited",
    "permissions",
    "reset",
    "stall",
]


class DiscordServer(People, Calls, Weather):
    """The world, its rules, HTTP and gateway under one roof. See the module's docstring."""

    def __init__(self) -> None:
        file = spec.path()
        self.spec = Spec(file) if file else None
        self._waiting: set[asyncio.Event] = set()
        self.hub = Gateway(self._changed)
        self.platform = Platform(self.hub.emit)
        self.rest = Rest(self.platform, self.spec, self._changed)
        self.hub.platform, self.hub.spec, self.hub.token = self.platform, self.spec, self.rest.token
        self.knobs, self.faults, self.limits = self.hub.knobs, self.rest.faults, self.rest.limits
        self.requests, self.unknown = self.rest.requests, self.rest.unknown
        self.sessions, self.connections = self.hub.sessions, self.hub.connections
        self.identifies, self.resumes = self.hub.identifies, self.hub.resumes
        self.presences, self.told = self.hub.presences, self.hub.told
        self.messages, self.typings = self.platform.messages, self.platform.typings
        self.commands, self.bot, self.owner = self.platform.commands, self.platform.bot, self.platform.owner
        self.token, self.port = self.rest.token, 0
        self._runner: web.AppRunner | None = None

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    @property
    def gateway(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gw"

    @property
    def cdn(self) -> str:
        return f"http://127.0.0.1:{self.port}/cdn"

    @property
    def schema_errors(self) -> list[str]:
        """Payloads of the fake, and requests to it, that Discord's OpenAPI description does not allow."""
        return self.spec.errors if self.spec else []

    @property
    def ack_window(self) -> float:
        """Seconds for the first answer to an interaction; 3 at Discord."""
        return self.platform.ack_window

    @ack_window.setter
    def ack_window(self, seconds: float) -> None:
        self.platform.ack_window = seconds

    @property
    def token_life(self) -> float:
        """Seconds for all other answers to it; 900 at Discord."""
        return self.platform.token_life

    @token_life.setter
    def token_life(self, seconds: float) -> None:
        self.platform.token_life = seconds

    @property
    def nonce_window(self) -> float:
        """Seconds in which a nonce is remembered; "a few minutes" at Discord."""
        return self.platform.nonce_window

    @nonce_window.setter
    def nonce_window(self, seconds: float) -> None:
        self.platform.nonce_window = seconds

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.down()
        if kind is None:
            self.verify()

    def verify(self) -> None:
        """Raise AssertionError if it was asked for what it does not know, or spoke as Discord would not."""
        assert not self.unknown, f"routes that the fake does not know: {self.unknown}"
        assert not self.schema_errors, "\n".join(self.schema_errors)

    async def up(self) -> None:
        """Listen: at the first call on a free port, later on the same one again."""
        app = web.Application(client_max_size=32 << 20)
        app.router.add_route("*", PREFIX + "/{path:.*}", self.rest.respond)
        app.router.add_get("/gw", self.hub.respond)
        app.router.add_get("/resume", self.hub.respond)
        app.router.add_get("/cdn/{path:.*}", self.rest.file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.platform.cdn, self.platform.gateway, self.hub.address = self.cdn, self.gateway, self.gateway

    async def down(self) -> None:
        """Stop listening and cut every connection; the world stays, and sessions can be resumed."""
        for connection in self.hub.open:
            connection.abort()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def sent(self, pattern: str) -> list[Request]:
        """The requests whose "METHOD /path" fits, oldest first."""
        return [one for one in self.requests if fnmatchcase(one.line, pattern)]

    def _changed(self) -> None:
        for event in self._waiting:
            event.set()

    async def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait for something to have happened here; TimeoutError if it does not."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    event.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(event.wait(), 0.05)
        finally:
            self._waiting.discard(event)

    def arrived(self, guild: Guild) -> None:
        for session in self.sessions:
            if session.wants("GUILD_CREATE", guild):
                session.tell("GUILD_CREATE", self.hub.arrival(session, guild))
