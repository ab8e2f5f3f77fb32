"""Runs the installed command for hours on both platforms at once, with gentle traffic and many faults.

`python -m tests.faults.soak [--minutes 120] [--seed N]` says something every second or two in eight places
and lets something go wrong every few seconds: everything of `trouble.py` in turn, and another bot that
answers at once for a moment. Every minute it looks at memory, files, threads, the database and how long
answers took. At the end it prints a line for each of these, and whether everything was answered once and in
order; it exits with 1 where something grew, was lost or was said twice, and where a word or a token stands
in its log, which is kept at the level "debug". What Telegram may repeat is what took effect and was answered
otherwise.
"""

import argparse
import asyncio
import inspect
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults.gauges import Gauges
from tests.faults.ledger import spread
from tests.faults.memory_story import half_turns
from tests.faults.program import Program
from tests.faults.report import Report, leaks
from tests.faults.side import Side
from tests.faults.towns import DiscordTown, TelegramTown
from tests.faults.trouble import Happen

PLACES = 4  # on each platform
PAUSE, STRIKE = (0.5, 2.5), 8.0  # seconds between two messages, and between two troubles at most
LONGEST = 35.0  # seconds that a trouble lasts at most: more than any of the bot's deadlines
PATIENCE = 240.0  # seconds in which everything must have been answered at the end


class Soak:
    """The program, both platforms, and the faults that happen to them."""

    def __init__(self, discord: DiscordTown, telegram: TelegramTown, folder: Path, minutes: float) -> None:
        self._seconds, longest = minutes * 60, min(LONGEST, minutes * 5)
        self.sides = Side("Discord", discord, longest), Side("Telegram", telegram, longest)
        where = discord.environment | telegram.environment
        self.program = Program(where, folder, delay=0.25, debounce=0.5, chat="bots = true", level="debug")
        self.gauges, self.struck = Gauges(self.program.memory), Counter[str]()
        self._under_way: set[asyncio.Future[None]] = set()

    async def run(self, rng: random.Random) -> int:
        """Run for the given time, then let every message be answered; return the exit code of the program."""
        await self.program.start()
        await self._meet()
        works = [asyncio.create_task(work) for work in (self._talk(rng), self._strike(rng), self._measure())]
        try:
            await asyncio.wait(works, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            for work in works:
                if work.done():
                    work.result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        await asyncio.gather(*self._under_way)
        await self._settle()
        self._read()
        return await self.program.end()

    async def _meet(self) -> None:
        """Let everybody speak once and be answered."""
        while not all(side.ledger.town.meetings() for side in self.sides):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        for side in self.sides:
            for place in range(PLACES):
                side.ledger.say(place)
        await self._settle()
        self._read()

    async def _talk(self, rng: random.Random) -> None:
        while True:
            side = rng.choice(self.sides)
            if not side.trouble.silent:
                side.ledger.say(rng.randrange(PLACES))
            await asyncio.sleep(rng.uniform(*PAUSE))

    async def _strike(self, rng: random.Random) -> None:
        """Let one fault happen after another, each once before any comes again."""
        count = sum(len(side.deck()) for side in self.sides)
        for name, happen in self._deal(rng):
            self.struck[name] += 1
            if inspect.isawaitable(found := happen()):
                self._under_way.add(task := asyncio.ensure_future(found))
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(rng.uniform(0, 2 * min(STRIKE, self._seconds / count)))

    def _deal(self, rng: random.Random) -> Iterator[tuple[str, Happen]]:
        while True:
            deck = [card for side in self.sides for card in side.deck().items()]
            rng.shuffle(deck)
            yield from deck

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(min(60.0, self._seconds / 10))
            self._read()
            for side in self.sides:
                side.trouble.trim()
            print(f"{time.strftime('%H:%M')} {self.gauges.newest}", flush=True)

    def _read(self) -> None:
        assert self.program.process
        waits = [wait for side in self.sides for wait in side.ledger.waits()]
        self.gauges.read(self.program.process.pid, spread(waits))

    async def _settle(self) -> None:
        """Wait until everything has been answered, or patience ends."""
        for side in self.sides:
            side.ledger.town.calm()
        ends = time.monotonic() + PATIENCE
        while any(side.ledger.missing() for side in self.sides) and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        await asyncio.sleep(2.0)  # for what may come twice


async def soak(minutes: float, seed: int) -> Report:
    """Open both platforms, run a soak, and remove its folder unless a promise was broken."""
    folder = Path(tempfile.mkdtemp())
    async with DiscordTown(PLACES) as discord, TelegramTown(PLACES) as telegram:
        life = Soak(discord, telegram, folder, minutes)
        try:
            code = await life.run(random.Random(seed))
        finally:
            life.program.kill()
        outcomes = {side.name: side.outcome() for side in life.sides}
        secrets = [*discord.secrets(), *telegram.secrets()]
    half, leaked = half_turns(life.program.memory), leaks(folder, secrets)
    report = Report(outcomes, half, leaked, code, life.gauges, life.struck)
    if report.is_right:
        shutil.rmtree(folder)
    else:
        print(f"the memory and the log of seed {seed} are in {folder}")
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    told = parser.parse_args()
    print(f"{told.minutes:g} minutes, seed {told.seed}", flush=True)
    report = asyncio.run(soak(told.minutes, told.seed))
    print("\n".join(report.rows))
    sys.exit(0 if report.is_right else 1)


if __name__ == "__main__":
    main()
