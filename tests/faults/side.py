"""One platform of a soak: its people, its faults, and the fate of every message."""

import asyncio
import time
from dataclasses import dataclass

from tests.faults.ledger import Ledger
from tests.faults.towns import DiscordTown, TelegramTown
from tests.faults.trouble import DiscordTrouble, Happen, TelegramTrouble

CROWD = 2  # the place where another bot is
MOMENT = 15.0  # seconds for which it answers


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of every message said on one platform."""

    said: int
    lost: list[int]
    repeated: list[str]
    ambiguous: int
    disorder: int
    unfinished: list[str]

    @property
    def is_right(self) -> bool:
        kept = not (self.lost or self.disorder or self.unfinished)
        return kept and len(self.repeated) <= self.ambiguous

    @property
    def row(self) -> str:
        return (
            f"{self.said} messages: {len(self.lost)} lost, {len(self.repeated)} repeated "
            f"({self.ambiguous} ambiguous), {self.disorder} out of order, {len(self.unfinished)} unfinished"
        )


class Side:
    """One platform: its people, its faults, and its ledger of numbers."""

    def __init__(self, name: str, town: DiscordTown | TelegramTown, longest: float) -> None:
        """`longest`: seconds that a trouble lasts at most."""
        self.name, self.ledger = name, Ledger(town)
        self.trouble: DiscordTrouble | TelegramTrouble = (
            DiscordTrouble(town, self.ledger, longest)
            if isinstance(town, DiscordTown)
            else TelegramTrouble(town, self.ledger, longest)
        )

    def deck(self) -> dict[str, Happen]:
        own = {f"{self.name}, {name}": happen for name, happen in self.trouble.deck().items()}
        return own | {f"{self.name}, another bot": self._chatter}

    async def _chatter(self) -> None:
        """Let another bot answer at once, for a moment."""
        town, ends, heard = self.ledger.town, time.monotonic() + MOMENT, -1
        while time.monotonic() < ends:
            if (now := len(town.seen(CROWD))) != heard:
                heard = now
                town.chatter(CROWD)
            await asyncio.sleep(0.1)

    def outcome(self) -> Outcome:
        ledger = self.ledger
        return Outcome(
            ledger.total,
            ledger.missing(),
            ledger.repeated(),
            self.trouble.ambiguous,
            ledger.disorder(),
            ledger.unfinished(),
        )
