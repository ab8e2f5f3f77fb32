"""Faults of both platforms that a soak lets happen, each named."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tests.fakes.discord_server import answer, limited, stall
from tests.fakes.discord_server import reset as cut
from tests.fakes.telegram_server import (
    Fault,
    Rate,
    bad_gateway,
    conflict,
    garbage,
    refuse,
    reset,
    too_many,
)
from tests.fakes.telegram_server import stall as hang
from tests.faults.ledger import Ledger
from tests.faults.towns import DiscordTown, TelegramTown

Happen = Callable[[], object]
DEADLINE = 19.0  # seconds in which a call to Telegram that comes back has always come in time


class DiscordTrouble:
    """Faults of Discord. None of them excuses a second copy: `ambiguous` stays 0."""

    ambiguous = 0

    def __init__(self, town: DiscordTown, ledger: Ledger, longest: float) -> None:
        """`longest`: seconds that any of it lasts at most."""
        self._town, self._fake, self._ledger = town, town.fake, ledger
        self._longest = longest
        self.silent = False  # while nobody may speak, since a connection shall be seen to hang

    def deck(self) -> dict[str, Happen]:
        """Return every fault by name."""
        sends = {
            "429, short": limited(0.5),
            "429, long": limited(self._longest),
            "429 for all": limited(1.5, "global"),
            "500": answer(500),
            "502": answer(502),
            "503": answer(503),
            "502 behind the deed": answer(502, after=True),
            "503 behind the deed": answer(503, after=True),
            "reset": cut(after=False),
            "reset behind the deed": cut(),
            # over before the bot's deadline: nobody could know a copy that comes later still
            "stall": stall(min(self._longest, 20.0)),
            "stall behind the deed": stall(self._longest, after=True),
        }
        deck: dict[str, Happen] = {name: lambda f=f: self._town.befall(f) for name, f in sends.items()}
        for what in ("PATCH /*", "POST */typing", "GET /channels/*/messages*"):
            deck[f"{what}: 503"] = lambda w=what: self._fake.faults.script(w, answer(503))
            deck[f"{what}: reset"] = lambda w=what: self._fake.faults.script(w, cut(after=False))
        return deck | self._gateway() | self._people()

    def _gateway(self) -> dict[str, Happen]:
        fake = self._fake
        return {
            "op 7": fake.reconnect,
            "op 9": fake.invalidate,
            "op 9, resumable": lambda: fake.invalidate(resumable=True),
            "close 4000": fake.close_gateway,
            "gateway reset": fake.abort_gateway,
            "told twice": lambda: self._again(2),
            "heartbeats unanswered": self._hang,
            "away": self._go_away,
        }

    def _people(self) -> dict[str, Happen]:
        return {
            "reworded": lambda: self._town.change(*self._ledger.newest()),
            "deleted": self._delete,
        }

    def _again(self, times: int) -> None:
        for session in self._fake.sessions:
            if any(event == "MESSAGE_CREATE" for _, event, _ in session.log):
                session.repeat("MESSAGE_CREATE", times)

    def _delete(self) -> None:
        number, _ = self._ledger.newest()
        self._ledger.take_back(number)
        self._fake.delete(self._town.said[number])

    async def _hang(self) -> None:
        """Answer no heartbeat, and say nothing, until the bot comes anew; only in a long soak."""
        if self._longest < 30:
            return
        self._fake.knobs.acknowledge, self.silent = False, True
        before = len(self._fake.connections)
        for _ in range(150):
            await asyncio.sleep(1)
            if len(self._fake.connections) > before:
                break
        self._fake.knobs.acknowledge, self.silent = True, False

    async def _go_away(self) -> None:
        await self._fake.down()
        await asyncio.sleep(min(self._longest, 15.0))
        await self._fake.up()

    def trim(self) -> None:
        """Drop old records, so that a long soak fits into memory."""
        for records in (self._fake.requests, self._fake.hub.told, self._fake.typings):
            records.clear()
        for session in self._fake.sessions:
            del session.log[:-500]


class TelegramTrouble:
    """Faults of Telegram. `ambiguous` counts sends that took effect and failed; each may be repeated once."""

    silent = False

    def __init__(self, town: TelegramTown, ledger: Ledger, longest: float) -> None:
        self._town, self._fake, self._ledger = town, town.fake, ledger
        self._longest, self.ambiguous = longest, 0
        limits = self._fake.limits
        limits.chat, limits.group, limits.overall = Rate(5, 5), Rate(20, 60), Rate(30, 1)

    def deck(self) -> dict[str, Happen]:
        longest = self._longest
        sends = {
            "429, short": too_many(1),
            "429, long": too_many(round(longest)),
            "500": refuse(500, "Internal Server Error"),
            "502": bad_gateway(do=False),
            "reset": reset(do=False),
            "garbage": garbage(do=False),
            "502 behind the deed": self._counted(bad_gateway()),
            "reset behind the deed": self._counted(reset()),
            "garbage behind the deed": self._counted(garbage()),
            "stall behind the deed": self._counted(hang(longest)) if longest > DEADLINE else hang(longest),
        }
        polls = {
            "conflict": conflict(),
            "poll: 502": bad_gateway(do=False),
            "poll: garbage": garbage(),
            "poll: reset": reset(),
            "poll: 429": too_many(2),
            "poll: hangs": hang(longest),
        }
        rest = {"502": bad_gateway(do=False), "429": too_many(2), "reset": reset(do=False)}
        deck = {name: self._failing("sendMessage", fault) for name, fault in sends.items()}
        deck |= {name: self._failing("getUpdates", fault) for name, fault in polls.items()}
        for method in ("sendMessageDraft", "sendChatAction", "editMessageText"):
            deck |= {f"{method}: {name}": self._failing(method, fault) for name, fault in rest.items()}
        return deck | {
            "flood wait in a group": lambda: self._town.limit(2, longest),
            "told twice": self._again,
            "reworded": lambda: self._town.change(*self._ledger.newest()),
            "deleted": lambda: self._fake.delete(self._town.said[self._ledger.newest()[0]]),
        }

    def _failing(self, method: str, fault: Fault) -> Happen:
        return lambda: self._fake.fail(method, fault)

    def _counted(self, fault: Fault) -> Fault:
        return replace(fault, call=self._count)

    def _count(self, arguments: object) -> None:
        self.ambiguous += 1

    def _again(self) -> None:
        """Bring an update again that was brought before; one that waits still would overtake others."""
        message = self._town.said[self._ledger.newest()[0]]
        if message.update_id in self._fake.updates.delivered:
            self._fake.repeat(message, 2)

    def trim(self) -> None:
        self._fake.calls.clear()
