"""Kills the installed command again and again while people talk to it, then counts what they see.

`python -m tests.faults.campaign [--kills 200] [--points 50] [--ends 20] [--platform discord|telegram|both]
[--seed N]` prints a table. A kill comes at a random moment, or at a named point: a message accepted, words
generated, a turn stored, a part in the send window (the platform has it, the program does not know),
a part noted as sent. Every message carries a number; the scripted model answers with the numbers it heard
and "over". Between the kills it is asked to end, by SIGTERM, at a random moment, every other time with a
model that hangs: its exit code is to be 0.
"""

import argparse
import asyncio
import random
import re
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.memory_story import half_turns
from tests.faults.program import Program
from tests.faults.scripted import POINTS
from tests.faults.towns import TOWNS, Town

AT_RANDOM, WINDOW, ASKED = "at random", "send window", "SIGTERM"
NAMED = (*POINTS, "generating", WINDOW)
LIFE = 2.0  # seconds that a process lives at most, once it has connected, until it is killed at random
BREATHER = 10  # deaths, after which it may live until everything is answered, so that no backlog grows
PATIENCE = 60.0  # seconds in which a named moment must come, and everything be answered after the last start
# how the program ends what it says of messages that it gave up
GIVEN_UP = ("say it in other words.", "Say it again in a moment.")


@dataclass
class Outcome:
    """The replies that people saw in the end, and the deaths of the program by crash point."""

    said: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    codes: list[int] = field(default_factory=list)  # exit codes after SIGTERM
    given_up: set[int] = field(default_factory=set)
    lost: list[int] = field(default_factory=list)
    in_window: int = 0  # messages that were out, and not noted as sent, when the program died
    twice: list[str] = field(default_factory=list)  # messages that answer what was answered before
    unfinished: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        died = ", ".join(f"{count} {point}" for point, count in sorted(self.deaths.items()))
        return (
            f"{self.said} messages; died {self.deaths.total()} times ({died}): {len(self.lost)} lost, "
            f"{len(self.given_up)} visibly given up, {len(self.twice)} answered twice "
            f"({self.in_window} were in the send window), {len(self.unfinished)} left unfinished, "
            f"{len(self.half)} half turns; asked to end {len(self.codes)} times: "
            f"{self.codes.count(0)} times exit code 0"
        )


class Campaign:
    """One town, one memory, and a program that is started and killed."""

    def __init__(self, town: Town, folder: Path, rng: random.Random) -> None:
        self._town, self._program, self._rng = town, Program(town.environment, folder), rng
        self._known: set[tuple[str, str]] = set()
        self.outcome = Outcome()

    async def run(self, kills: int, points: int, ends: int) -> Outcome:
        """Kill so many times at random and at each named point, and send SIGTERM so often, shuffled."""
        deaths = [AT_RANDOM] * kills + [point for point in NAMED for _ in range(points)] + [ASKED] * ends
        self._rng.shuffle(deaths)
        await self._meet()
        for number, point in enumerate(deaths, 1):
            await (self._live_and_end() if point == ASKED else self._live_and_die(point))
            self._look()
            if number % BREATHER == 0:
                await self._breathe()
        await self._breathe()
        self._count()
        return self.outcome

    async def _live_and_die(self, point: str) -> None:
        named = {"CRASH": f"{point}:{self._rng.randint(1, 3)}"} if point not in (AT_RANDOM, WINDOW) else {}
        met = self._town.meetings()
        await self._program.start(**named)
        talking = asyncio.create_task(self._talk())
        if point == WINDOW:
            self._town.kill_in_window(self._program.kill)
        process = self._program.process
        assert process
        try:
            if point == AT_RANDOM:
                await self._connected(met, 20.0 if self._rng.random() < 0.8 else self._rng.random())
            life = self._rng.uniform(0, LIFE) if point == AT_RANDOM else PATIENCE
            await asyncio.wait_for(process.wait(), life)
            self.outcome.deaths[point] += 1
        except TimeoutError:
            self._program.kill()
            await process.wait()
            self.outcome.deaths[AT_RANDOM] += 1
        finally:
            talking.cancel()

    async def _meet(self) -> None:
        """Say one number in each place: the bot backfills only places that it knows."""
        met = self._town.meetings()
        await self._program.start()
        await self._connected(met, 20.0)
        for place in self._places():
            self.outcome.said += 1
            self._town.say(self.outcome.said, place)
        await self._settle()
        self.outcome.codes.append(await self._program.end())

    async def _breathe(self) -> None:
        """Let everything be answered."""
        self._town.calm()
        met = self._town.meetings()
        await self._program.start()
        await self._connected(met, 20.0)  # an earlier SIGTERM meets no handler
        await self._settle()
        self.outcome.codes.append(await self._program.end())

    async def _live_and_end(self) -> None:
        met, hangs = self._town.meetings(), len(self.outcome.codes) % 2 == 1
        await self._program.start(**({"DELAY": "3600"} if hangs else {}))
        talking = asyncio.create_task(self._talk())
        try:
            await self._connected(met, 20.0)
            await asyncio.sleep(self._rng.uniform(0, LIFE))
            self.outcome.codes.append(await self._program.end())
        finally:
            talking.cancel()

    async def _connected(self, met: int, seconds: float) -> None:
        """Wait until the program has connected, at most so many seconds."""
        ends = time.monotonic() + seconds
        while self._town.meetings() == met and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _talk(self) -> None:
        """Say something now and then, for as long as this process lives."""
        while True:
            self.outcome.said += 1
            self._town.say(self.outcome.said, self._rng.randrange(self._town.places))
            await asyncio.sleep(self._rng.uniform(0.1, 0.9))

    def _look(self) -> None:
        """Count the messages that the platform has and memory has not noted as sent."""
        there = {(seen.chat, seen.id) for place in self._places() for seen in self._town.seen(place)}
        if self._program.memory.exists():
            with closing(sqlite3.connect(self._program.memory)) as memory:
                noted = memory.execute("SELECT chat, sent_id FROM outbox JOIN places ON places.id = place")
                self.outcome.in_window += len(there - self._known - {*noted})
        self._known = there

    def _places(self) -> range:
        return range(self._town.places)

    async def _settle(self) -> None:
        """Wait until every number has been answered, or patience ends."""
        for _ in range(int(PATIENCE / 0.1)):
            if not self._missing():
                await asyncio.sleep(1.0)  # for what may come twice
                return
            await asyncio.sleep(0.1)

    def _seen(self) -> list[str]:
        return [seen.text for place in self._places() for seen in self._town.seen(place)]

    def _missing(self) -> list[int]:
        heard = {*numbers(self._seen()), *self._given_up()}
        return [number for number in range(1, self.outcome.said + 1) if number not in heard]

    def _given_up(self) -> set[int]:
        """The numbers in messages that were tried three times, which their authors have been told."""
        if not self._program.memory.exists():
            return set()
        with closing(sqlite3.connect(self._program.memory)) as memory:
            rows = memory.execute(
                "SELECT text FROM messages JOIN inbox ON message = messages.id WHERE state = 'given_up'"
            )
            return {int(number) for (text,) in rows for number in re.findall(r"#(\d+)", text)}

    def _count(self) -> None:
        seen, heard = self._seen(), set[int]()
        for text in seen:
            if not heard.isdisjoint(numbers([text])):
                self.outcome.twice.append(text)
            heard |= {*numbers([text])}
        self.outcome.lost, self.outcome.given_up = self._missing(), self._given_up()
        self.outcome.unfinished = [text for text in seen if not text.endswith(("over", *GIVEN_UP))]
        self.outcome.half = half_turns(self._program.memory)


def numbers(texts: list[str]) -> list[int]:
    """Return the numbers in finished replies; a reply that was cut off answers none."""
    return [int(number) for text in texts if text.endswith("over") for number in re.findall(r"#(\d+)", text)]


async def campaign(platform: str, kills: int, points: int, ends: int, seed: int) -> Outcome:
    """Open a town, run a campaign through it, and remove what it left, unless something went wrong."""
    folder = Path(tempfile.mkdtemp())
    async with TOWNS[platform]() as town:
        outcome = await Campaign(town, folder, random.Random(seed)).run(kills, points, ends)
    if outcome.lost or outcome.unfinished or outcome.half or len(outcome.twice) > outcome.in_window:
        print(f"the memory and the log of seed {seed} are in {folder}")
    else:
        shutil.rmtree(folder)
    return outcome


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--ends", type=int, default=20)
    parser.add_argument("--platform", choices=[*TOWNS, "both"], default="both")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    told = parser.parse_args()
    for platform in TOWNS if told.platform == "both" else (told.platform,):
        print(f"{platform}, seed {told.seed}: ", end="", flush=True)
        print((await campaign(platform, told.kills, told.points, told.ends, told.seed)).row)


if __name__ == "__main__":
    asyncio.run(main())
