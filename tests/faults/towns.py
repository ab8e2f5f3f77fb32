"""Fake platforms with a few places and people in them, for campaigns and for crowds."""

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from tests.fakes.discord.faults import Fault, Serve
from tests.fakes.discord.request import Reply, Request
from tests.fakes.discord_server import BOT, DiscordServer, call, fine, limited, permissions
from tests.fakes.discord_server import Message as DiscordMessage
from tests.fakes.telegram_server import Message as TelegramMessage
from tests.fakes.telegram_server import TelegramServer, call_back
from tests.faults.shown import (
    Seen,
    discord_environment,
    seen_on_discord,
    seen_on_telegram,
    telegram_environment,
)


class Town(Protocol):
    """A fake platform with people in it, who talk to the bot in `places` places."""

    environment: dict[str, str]
    places: int

    async def __aenter__(self) -> Self:
        """Open the platform."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""

    def secrets(self) -> list[str]:
        """The tokens that the bot has or is given."""

    def meetings(self) -> int:
        """How often the bot has connected."""

    def say(self, number: int, place: int) -> None:
        """Let somebody say a number to the bot."""

    def seen(self, place: int) -> list[Seen]:
        """Everything the bot said in a place that can still be seen."""

    def signs(self, place: int) -> list[float]:
        """When the bot was seen typing in a place."""

    def limit(self, place: int, seconds: float) -> None:
        """Let the platform take nothing more for a place, for so long."""

    def kill_in_window(self, kill: Callable[[], None]) -> None:
        """Call this when the platform has taken the next message and has not said so."""

    def change(self, number: int, place: int) -> None:
        """Let its author put a message into other words, with the same number."""

    def chatter(self, place: int) -> None:
        """Let another bot say something to the bot, in a place where there is one."""

    def calm(self) -> None:
        """Let nothing befall messages any more."""


class TelegramTown:
    """Private chats, and a group as every third place."""

    def __init__(self, places: int = 3) -> None:
        self.fake, self.places = TelegramServer(), places
        self.said: dict[int, TelegramMessage] = {}

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        self._people = [self.fake.user(f"Ana{number}", f"ana_{number}") for number in range(self.places)]
        self._peer = self.fake.user("Gull", "gull_bot", is_bot=True)
        self._chats = [
            self.fake.supergroup(f"Pier {number}", person, self._peer)
            if number % 3 == 2
            else self.fake.private(person)
            for number, person in enumerate(self._people)
        ]
        self.environment = telegram_environment(self.fake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.fake.__aexit__(kind, error, trace)
        if kind is None:
            assert (self.fake.unknown, self.fake.schema_errors) == ([], [])

    def secrets(self) -> list[str]:
        return [self.fake.token]

    def meetings(self) -> int:
        return len(self.fake.called("getMe"))

    def say(self, number: int, place: int) -> None:
        text = self._words(number, place)
        self.said[number] = self.fake.say(self._chats[place], self._people[place], text)

    def change(self, number: int, place: int) -> None:
        self.fake.edit(self.said[number], f"{self._words(number, place)}, please")

    def chatter(self, place: int) -> None:
        self.fake.say(self._chats[place], self._peer, f"@{self.fake.bot.username} indeed")

    def _words(self, number: int, place: int) -> str:
        return f"@{self.fake.bot.username} say #{number}" if place % 3 == 2 else f"say #{number}"

    def seen(self, place: int) -> list[Seen]:
        return seen_on_telegram(self.fake, self._chats[place])

    def signs(self, place: int) -> list[float]:
        return [action.at for action in self.fake.actions(self._chats[place])]

    def limit(self, place: int, seconds: float) -> None:
        self.fake.limits.close(self._chats[place].id, seconds)

    def kill_in_window(self, kill: Callable[[], None]) -> None:
        self.fake.fail("sendMessage", call_back(lambda arguments: kill()))

    def calm(self) -> None:
        self.fake.heal("sendMessage")
        for chat in self._chats:
            self.fake.limits.close(chat.id, 0)


class DiscordTown:
    """By turns a direct chat, a channel where personas have webhooks, and one where they have none."""

    def __init__(self, places: int = 3) -> None:
        self.fake, self.places = DiscordServer(), places
        self.said: dict[int, DiscordMessage] = {}
        self._due: deque[Fault] = deque()
        self._closed: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        fake = self.fake
        await fake.__aenter__()
        self._people = [fake.user(f"ana{number}") for number in range(self.places)]
        self._peer = fake.user("gull", bot=True)
        faces = fake.guild("Faces", *self._people, self._peer)
        plain = fake.guild("Plain", *self._people, self._peer, bot=BOT & ~permissions("manage_webhooks"))
        self._channels = [
            fake.dm(person)
            if number % 3 == 0
            else fake.channel(faces if number % 3 == 1 else plain, f"quay-{number}")
            for number, person in enumerate(self._people)
        ]
        for pattern in ("POST /channels/*/messages", "POST /webhooks/*"):
            fake.faults.script(pattern, self._befall, times=10**6)
        fake.faults.script("GET /oauth2/applications/@me", may_read, times=10**6)
        self.environment = discord_environment(fake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.fake.__aexit__(kind, error, trace)

    def secrets(self) -> list[str]:
        return [self.fake.token, *(hook.token for hook in self.fake.platform.webhooks.values())]

    def meetings(self) -> int:
        return len(self.fake.sessions)

    def say(self, number: int, place: int) -> None:
        mentions = () if place % 3 == 0 else (self.fake.bot,)
        text = self._words(number, place)
        self.said[number] = self.fake.say(self._channels[place], self._people[place], text, mentions=mentions)

    def change(self, number: int, place: int) -> None:
        self.fake.edit(self.said[number], f"{self._words(number, place)}, please")

    def chatter(self, place: int) -> None:
        mention = self.fake.bot.mention
        self.fake.say(self._channels[place], self._peer, f"{mention} indeed", mentions=(self.fake.bot,))

    def _words(self, number: int, place: int) -> str:
        return f"say #{number}" if place % 3 == 0 else f"{self.fake.bot.mention} say #{number}"

    def seen(self, place: int) -> list[Seen]:
        return seen_on_discord(self._channels[place], self._peer)

    def signs(self, place: int) -> list[float]:
        return [typing.at for typing in self.fake.typings if typing.channel is self._channels[place]]

    def limit(self, place: int, seconds: float) -> None:
        self._closed[str(self._channels[place].id)] = time.monotonic() + seconds

    def kill_in_window(self, kill: Callable[[], None]) -> None:
        self._due = deque([call(lambda request: kill())])

    def befall(self, fault: Fault) -> None:
        """Let this happen to the next message, behind what was to happen before."""
        self._due.append(fault)

    def calm(self) -> None:
        self._due.clear()
        self._closed.clear()

    async def _befall(self, request: Request, serve: Serve) -> Reply:
        """What the next message meets: a closed place, or the next fault."""
        left = self._closed.get(request.path.split("/")[2], 0.0) - time.monotonic()
        if left > 0:
            return await limited(left)(request, serve)
        fault = self._due.popleft() if self._due else fine
        return await fault(request, serve)


async def may_read(request: Request, serve: Serve) -> Reply:
    """The application as one whose owner has let it read messages."""
    reply = await serve()
    return Reply(reply.status, {**reply.body, "flags": 1 << 19}, reply.headers)


TOWNS: dict[str, type[Town]] = {"discord": DiscordTown, "telegram": TelegramTown}
