"""Fake platforms where one member attacks the groups that others talk in, for `attack.py`."""

from collections import deque
from dataclasses import replace
from itertools import count
from types import TracebackType
from typing import Protocol, Self

from tests.fakes.discord_server import DiscordServer
from tests.fakes.discord_server import Message as DiscordMessage
from tests.fakes.telegram_server import Message as TelegramMessage
from tests.fakes.telegram_server import TelegramServer
from tests.faults.hostile import hostile_texts
from tests.faults.shown import (
    Seen,
    discord_environment,
    seen_on_discord,
    seen_on_telegram,
    telegram_environment,
)
from tests.faults.towns import may_read

GROUPS, QUIET = 20, 10  # places that are attacked, and places where the attacker is not
CHAIN = 2_000  # replies to one message, written before the attack begins
KEPT = 5  # messages of a group that the attacker changes, likes and takes back
SPEAKERS = 97  # names that the attacker bears by turns


class Siege(Protocol):
    """A platform with `GROUPS` groups, of the attacker and another member, and `QUIET` other places."""

    environment: dict[str, str]

    async def __aenter__(self) -> Self:
        """Open the platform."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""

    def meetings(self) -> int:
        """How often the bot has connected."""

    def say(self, number: int, place: int) -> None:
        """Let a member who attacks nobody say a number to the bot."""

    def seen(self, place: int) -> list[Seen]:
        """Everything the bot said in a place that can still be seen."""

    def chain(self) -> None:
        """Let the attacker answer one message of the first group again and again, without the bot."""

    def attack(self, place: int) -> None:
        """Let the attacker do the next of all that can be done in a group."""


class TelegramSiege:
    """Supergroups, and private chats for the others."""

    def __init__(self) -> None:
        self.fake, self._texts, self._turn = TelegramServer(), hostile_texts(4_000), count()

    async def __aenter__(self) -> Self:
        fake = self.fake
        await fake.__aenter__()
        self._attacker, self._member = fake.user("Mallory", "mallory"), fake.user("Ana", "ana")
        self._places = [fake.supergroup(f"Pier {n}", self._member, self._attacker) for n in range(GROUPS)]
        self._people = [fake.user(f"Ole{n}", f"ole_{n}") for n in range(QUIET)]
        self._places += [fake.private(person) for person in self._people]
        self._said = [deque[TelegramMessage](maxlen=KEPT) for _ in range(GROUPS)]
        self.environment = telegram_environment(fake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.fake.__aexit__(kind, error, trace)

    def meetings(self) -> int:
        return len(self.fake.called("getMe"))

    def say(self, number: int, place: int) -> None:
        person = self._member if place < GROUPS else self._people[place - GROUPS]
        self.fake.say(self._places[place], person, f"@{self.fake.bot.username} say #{number}")

    def seen(self, place: int) -> list[Seen]:
        return seen_on_telegram(self.fake, self._places[place])

    def chain(self) -> None:
        first = self.fake.say(self._places[0], self._attacker, "first " * 600)
        for _ in range(CHAIN):
            self.fake.say(self._places[0], self._attacker, "again", reply_to=first)

    def attack(self, place: int) -> None:
        turn, chat, said = next(self._turn) // GROUPS, self._places[place], self._said[place]
        if turn % 4 == 3:
            command = ("/settings humour 2", "/persona mara", "/again", "/status", "/reset", "/stop")
            self.fake.say(chat, self._attacker, f"{command[turn // 4 % 6]}@{self.fake.bot.username}")
            return
        name = f"{chr(97 + turn % 26) * (1 + turn % SPEAKERS)}:\u0301"[:64]
        speaker = replace(self._attacker, first_name=name)
        text = f"@{self.fake.bot.username} {next(self._texts)}"[:4096]
        self.fake.say(chat, speaker, text, reply_to=said[-1] if said else None)
        said.append(next(iter(reversed(chat.messages.values()))))
        self.fake.edit(said[0], f"{text[:4000]} again")
        self.fake.react(self._attacker, said[-1], "👍")


class DiscordSiege:
    """Channels of one server, and channels of another one for the others."""

    def __init__(self) -> None:
        self.fake, self._texts, self._turn = DiscordServer(), hostile_texts(1_900), count()

    async def __aenter__(self) -> Self:
        fake = self.fake
        await fake.__aenter__()
        self._attacker, self._member = fake.user("mallory"), fake.user("ana")
        self._people = [fake.user(f"ole{n}") for n in range(QUIET)]
        pier = fake.guild("Pier", self._member, self._attacker)
        town = fake.guild("Town", *self._people)
        self._places = [fake.channel(pier, f"pier-{n}") for n in range(GROUPS)]
        self._places += [fake.channel(town, f"house-{n}") for n in range(QUIET)]
        self._said = [deque[DiscordMessage](maxlen=KEPT) for _ in range(GROUPS)]
        fake.faults.script("GET /oauth2/applications/@me", may_read, times=10**6)
        self.environment = discord_environment(fake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.fake.__aexit__(kind, error, trace)

    def meetings(self) -> int:
        return len(self.fake.sessions)

    def say(self, number: int, place: int) -> None:
        person = self._member if place < GROUPS else self._people[place - GROUPS]
        self.fake.say(self._places[place], person, f"say #{number}", mentions=(self.fake.bot,))

    def seen(self, place: int) -> list[Seen]:
        return seen_on_discord(self._places[place])

    def chain(self) -> None:
        first = self.fake.say(self._places[0], self._attacker, "first " * 300)
        for _ in range(CHAIN):
            self.fake.say(self._places[0], self._attacker, "again", reply_to=first)

    def attack(self, place: int) -> None:
        turn, channel, said = next(self._turn) // GROUPS, self._places[place], self._said[place]
        if turn % 4 == 3:
            self._call(turn // 4, place)
            return
        text, mentions = next(self._texts), (self.fake.bot,)
        said.append(
            self.fake.say(
                channel, self._attacker, text, mentions=mentions, reply_to=said[-1] if said else None
            )
        )
        self.fake.edit(said[0], f"{self.fake.bot.mention} {text} again"[:2000])
        self.fake.react(said[-1], self._attacker)
        self.fake.type(channel, self._attacker)

    def _call(self, turn: int, place: int) -> None:
        """Type a command, delete a message, or open a thread and speak in it."""
        channel, said = self._places[place], self._said[place]
        if turn % 4 == 0 and said:
            self.fake.delete(said.popleft())
        elif turn % 4 == 1:
            thread = self.fake.thread(channel, "rope", owner=self._attacker)
            self.fake.say(thread, self._attacker, "hello", mentions=(self.fake.bot,))
        else:
            self.fake.slash(channel, self._attacker, ("again", "status", "stop", "reset")[turn // 4 % 4])


SIEGES: dict[str, type[Siege]] = {"discord": DiscordSiege, "telegram": TelegramSiege}
