"""One member sends the worst to twenty groups for a minute while others talk to the installed command.

`python -m tests.faults.attack [--seconds 60] [--platform discord|telegram|both] [--real]` first lets the
others talk alone for half as long, and then beside the attack: in ten places where the attacker is not, and
in the twenty groups. It prints how late the event loop was and how long the others waited for their answers,
and exits with 1 where the loop was later than 50 ms (p99), an answer took more than twice its usual time
(median and p95, in the other places) or a message of the others was neither answered nor given up in words.
Before the attack stand 2,000 replies to one message in the first group. The model is a scripted one; with
`--real`, the default one answers, and the others talk more slowly, where the attacker is not.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.lag import read_lag
from tests.faults.ledger import numbers, spread
from tests.faults.program import Program
from tests.faults.shown import Seen
from tests.faults.sieges import GROUPS, QUIET, SIEGES, Siege

RATE = 1.0  # seconds between two attacks on one group, each a message, an edit and a reaction, or a command
PAUSE, REAL_PAUSE = (
    0.25,
    3.0,
)  # seconds between two messages of the others, to the scripted and the real model
PATIENCE = 90.0
LAG, SLOWER = 0.050, 2.0  # seconds at p99; times the usual wait
REFUSED = "Too much is being said"


@dataclass(frozen=True, slots=True)
class Watch:
    """What others met in one part of the attack: waits in seconds in quiet places and in groups."""

    quiet: tuple[float, float]
    groups: tuple[float, float]
    silent: int
    refused: int
    lag: tuple[float, float]  # p99 and the worst, in seconds

    @property
    def row(self) -> str:
        late, worst = (1000 * seconds for seconds in self.lag)
        return (
            f"answered after p50 {self.quiet[0]:.2f}, p95 {self.quiet[1]:.2f} s in other places, "
            f"p50 {self.groups[0]:.2f}, p95 {self.groups[1]:.2f} s in the groups; "
            f"{self.silent} without a word, {self.refused} refused; "
            f"loop late by p99 {late:.0f}, at most {worst:.0f} ms"
        )


class Attack:
    """A program, one platform, the attacker and the others."""

    def __init__(self, siege: Siege, folder: Path, *, real: bool) -> None:
        self._siege, self._lag, self._real = siege, folder / "lag", real
        self.program = Program(siege.environment, folder, delay=0.04, debounce=0.3)
        self._said: dict[int, tuple[int, float]] = {}

    async def begin(self) -> None:
        """Start the program, let it answer once in every place, and write the chain of replies."""
        told = {"REAL": "1"} if self._real else {"CONTEXT": "16384"}
        await self.program.start(LAG=str(self._lag), **told)
        while not self._siege.meetings():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for place in range(GROUPS if self._real else 0, GROUPS + QUIET):
            self._say(place)
        await self._answered()
        self._siege.chain()
        await asyncio.sleep(20)

    async def watch(self, seconds: float, *, attacked: bool) -> Watch:
        """Let the others talk for so long, attacked or not, and wait for their answers."""
        first, began = len(self._said) + 1, time.monotonic()
        works = [asyncio.create_task(self._talk())]
        works += [asyncio.create_task(self._assail())] if attacked else []
        await asyncio.sleep(seconds)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        ended = time.monotonic()
        await self._answered()
        return self._count(first, began, ended)

    async def _talk(self) -> None:
        """Say something in a quiet place and in a group by turns, in each a while after its last answer."""
        for turn in range(10**6):
            self._say(GROUPS + turn // 2 % QUIET if turn % 2 or self._real else turn // 2 % GROUPS)
            await asyncio.sleep(REAL_PAUSE if self._real else PAUSE)

    async def _assail(self) -> None:
        for turn in range(10**6):
            self._siege.attack(turn % GROUPS)
            await asyncio.sleep(RATE / GROUPS)

    def _say(self, place: int) -> None:
        number = len(self._said) + 1
        self._said[number] = (place, time.monotonic())
        self._siege.say(number, place)

    async def _answered(self) -> None:
        ends = time.monotonic() + PATIENCE
        while self._open() and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def _open(self) -> list[int]:
        """The numbers without an answer; in a place where messages were refused, none counts."""
        heard = self._heard()
        refused = {place for place in range(GROUPS + QUIET) if self._refusals(place)}
        return [n for n, (place, _) in self._said.items() if n not in heard and place not in refused]

    def _heard(self) -> dict[int, float]:
        """Each number that was answered, and when first."""
        found: dict[int, float] = {}
        for place in range(GROUPS + QUIET):
            for seen in self._siege.seen(place):
                for number in self._said_before(seen, place) if self._real else numbers(seen):
                    found.setdefault(number, seen.at)
        return found

    def _said_before(self, seen: Seen, place: int) -> list[int]:
        """What a real model answers in a quiet place: everything that had been said there."""
        return [n for n, (where, at) in self._said.items() if where == place and at < seen.at]

    def _refusals(self, place: int) -> int:
        return sum(REFUSED in seen.text for seen in self._siege.seen(place))

    def _count(self, first: int, began: float, ended: float) -> Watch:
        heard, late = self._heard(), sorted(read_lag(self._lag, began, ended))
        waits: tuple[list[float], list[float]] = ([], [])
        for number, at in heard.items():
            place, said = self._said[number]
            if number >= first:
                waits[place < GROUPS].append(at - said)
        return Watch(
            spread(waits[0]),
            spread(waits[1]),
            len(self._open()),
            sum(map(self._refusals, range(GROUPS + QUIET))),
            (late[len(late) * 99 // 100], late[-1]),
        )


async def attack(platform: str, seconds: float, *, real: bool) -> bool:
    """Run the attack on one platform, print both rows, and return whether the promises held."""
    with tempfile.TemporaryDirectory() as folder:
        async with SIEGES[platform]() as siege:
            life = Attack(siege, Path(folder), real=real)
            try:
                await life.begin()
                usual = await life.watch(seconds / 2, attacked=False)
                print(f"{platform}, nobody attacks: {usual.row}", flush=True)
                attacked = await life.watch(seconds, attacked=True)
                print(f"{platform}, attacked:       {attacked.row}", flush=True)
                return await life.program.end() == 0 and _holds(usual, attacked)
            finally:
                life.program.kill()


def _holds(usual: Watch, attacked: Watch) -> bool:
    slower = max(now / before for now, before in zip(attacked.quiet, usual.quiet, strict=True))
    return attacked.lag[0] <= LAG and slower <= SLOWER and not attacked.silent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--platform", choices=[*SIEGES, "both"], default="both")
    parser.add_argument("--real", action="store_true", help="the default model instead of a scripted one")
    told = parser.parse_args()
    platforms = SIEGES if told.platform == "both" else (told.platform,)
    held = [asyncio.run(attack(platform, told.seconds, real=told.real)) for platform in platforms]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
