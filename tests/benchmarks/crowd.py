"""Many people at once: `python -m tests.benchmarks.crowd [--platform discord|telegram|both]`.

1,000 messages in 10 seconds over 50 places, answered by a scripted model in 0.2 seconds: are they answered in
order, is anything dropped without a word, what does it cost in memory, and how long do people wait? (On
Telegram, for its 30 messages a second over all.) Then 200 messages, and 200 while one place may not be
written to for 30 seconds: do the others wait longer? Last, how soon does the bot type in a quiet place while
eight others are being answered?

The program runs in a process of its own, the platform and the people in this one.
"""

import argparse
import asyncio
import re
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

import psutil

from tests.faults.program import Program
from tests.faults.shown import Seen
from tests.faults.towns import TOWNS, Town

PLACES, SECONDS, REST = 50, 10.0, 20.0
ROUNDS = ((1000, 0.0), (200, 0.0), (200, 30.0))  # messages, and for how long one place is closed
LIMITED = 0  # the place that may not be written to
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of everything that was said, and how long answers took, in seconds."""

    disorder: tuple[str, ...]
    silent: int
    refused: int
    waits: tuple[float, ...]
    megabytes: float


class Stage:
    """A town, the program, and people who count."""

    def __init__(self, town: Town, folder: Path, **how: float) -> None:
        self._town, self.program = town, Program(town.environment, folder, **how)
        self._said: dict[int, tuple[int, float]] = {}

    async def warm(self) -> None:
        """Start the program and wait until it has answered once in every place."""
        await self.program.start()
        while not self._town.meetings():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for place in range(self._town.places):
            self.say(place)
        await self.answered()

    def say(self, place: int) -> int:
        number = len(self._said) + 1
        self._said[number] = (place, time.monotonic())
        self._town.say(number, place)
        return number

    async def answered(self) -> None:
        """Return when everything said has been answered or refused, or patience ends."""
        ends = time.monotonic() + PATIENCE
        while self.open() and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def open(self) -> int:
        """How many messages nobody has answered; in a place where some were refused, none count."""
        heard = {number for place in range(self._town.places) for number, _ in self.heard(place)}
        refused = {place for place in range(self._town.places) if self.refusals(place)}
        return sum(number not in heard and place not in refused for number, (place, _) in self._said.items())

    def heard(self, place: int) -> list[tuple[int, float]]:
        """The numbers of finished answers, in the order in which people see them, and when they came."""
        return [pair for seen in self._town.seen(place) for pair in _numbers(seen)]

    def refusals(self, place: int) -> int:
        return sum("Too much is being said" in seen.text for seen in self._town.seen(place))

    def waits(self, since: int, leaving_out: int | None = None) -> tuple[float, ...]:
        """Seconds from a message to its answer, for messages after `since`."""
        pairs = [pair for place in range(self._town.places) for pair in self.heard(place)]
        return tuple(
            at - self._said[number][1]
            for number, at in pairs
            if number > since and self._said[number][0] != leaving_out
        )

    async def crowd(self, messages: int, limited: float) -> Crowd:
        """Everybody talks for ten seconds; `limited`: for how long one place may not be written to."""
        since, before = len(self._said), self._megabytes()
        if limited:
            self._town.limit(LIMITED, limited)
        pause = SECONDS / messages
        began = time.monotonic()
        for number in range(messages):
            self.say(number % self._town.places)
            await asyncio.sleep(max(0.0, began + (number + 1) * pause - time.monotonic()))
        await self.answered()
        places = range(self._town.places)
        return Crowd(
            tuple(pair for place in places for pair in _disorder(place, self.heard(place))),
            self.open(),
            sum(self.refusals(place) for place in places),
            self.waits(since, LIMITED if limited else None),
            self._megabytes() - before,
        )

    async def sign(self, place: int) -> float:
        """Seconds from a message until the bot is seen typing."""
        known, began = len(self._town.signs(place)), time.monotonic()
        self.say(place)
        while len(self._town.signs(place)) == known and time.monotonic() < began + 10:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        return self._town.signs(place)[known] - began

    def _megabytes(self) -> float:
        assert self.program.process
        return float(psutil.Process(self.program.process.pid).memory_info().rss / 1e6)


def _numbers(seen: Seen) -> list[tuple[int, float]]:
    found = re.findall(r"#(\d+)", seen.text) if seen.text.endswith("over") else []
    return [(int(number), seen.at) for number in found]


def _disorder(place: int, heard: list[tuple[int, float]]) -> list[str]:
    """Name the pairs that stand in the wrong order, with the seconds between them."""
    return [
        f"place {place}: #{number} {at - before:.3f} s behind #{later}"
        for (later, before), (number, at) in pairwise(heard)
        if number < later
    ]


def _spread(values: tuple[float, ...]) -> str:
    cuts = quantiles(values, n=100)
    return f"p50 {cuts[49]:.2f}, p95 {cuts[94]:.2f}, max {max(values):.2f} s"


async def crowds(platform: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with TOWNS[platform](PLACES) as town:
            stage = Stage(town, Path(folder), delay=0.04, debounce=0.3)
            await stage.warm()
            for messages, limited in ROUNDS:
                await asyncio.sleep(REST)
                found = await stage.crowd(messages, limited)
                what = f", one place closed for {limited:.0f} s" if limited else ""
                print(
                    f"{platform}: {messages} messages in {SECONDS:.0f} s over {PLACES} places{what}: "
                    f"{len(found.disorder)} out of order, {found.silent} without a word, "
                    f"{found.refused} refusals, {found.megabytes:+.1f} MB; "
                    f"answered after {_spread(found.waits)}",
                    *found.disorder,
                    sep="\n  ",
                )
            await stage.program.end()


async def signs(platform: str, tries: int = 30) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with TOWNS[platform](9) as town:
            stage = Stage(town, Path(folder), delay=0.4, debounce=0.3)
            await stage.warm()
            took = []
            for _ in range(tries):
                for place in range(8):  # an answer of six words takes 2.4 s
                    stage.say(place)
                await asyncio.sleep(0.6)
                took.append(await stage.sign(8))
                await stage.answered()
            print(f"{platform}: typing while 8 places are answered, after {_spread(tuple(took))}")
            await stage.program.end()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--platform", choices=[*TOWNS, "both"], default="both")
    told = parser.parse_args()
    for platform in TOWNS if told.platform == "both" else (told.platform,):
        await crowds(platform)
        await signs(platform)


if __name__ == "__main__":
    asyncio.run(main())
