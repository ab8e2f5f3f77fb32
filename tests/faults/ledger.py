"""The numbers said in a town and their replies: each answered once, and in order in its place."""

import re
import time
from itertools import pairwise
from statistics import quantiles

from tests.faults.shown import Seen
from tests.faults.towns import Town


class Ledger:
    """The numbers that people said in one town; those that were taken back count as answered."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._said: dict[int, tuple[int, float]] = {}
        self._gone: set[int] = set()
        self._timed: set[int] = set()

    @property
    def total(self) -> int:
        return len(self._said)

    def say(self, place: int) -> None:
        """Let somebody say the next number."""
        number = len(self._said) + 1
        self._said[number] = (place, time.monotonic())
        self.town.say(number, place)

    def newest(self) -> tuple[int, int]:
        """The number that was said last and still stands, and where."""
        number = max(self._said.keys() - self._gone)
        return number, self._said[number][0]

    def take_back(self, number: int) -> None:
        """Note that nobody has to answer this any more."""
        self._gone.add(number)

    def missing(self) -> list[int]:
        """Return the numbers without a reply."""
        heard = {number for place in self._places() for number, _ in self._heard(place)}
        return [number for number in self._said if number not in heard | self._gone]

    def repeated(self) -> list[str]:
        """Return the messages that answer a number answered before."""
        return [seen.text for place in self._places() for seen in self._split(place)[1]]

    def unfinished(self) -> list[str]:
        """Return the messages that break off."""
        seen = [one.text for place in self._places() for one in self.town.seen(place)]
        return [text for text in seen if not text.endswith("over")]

    def disorder(self) -> int:
        """Count the replies that stand behind the reply to a later number, without repetitions."""
        return sum(
            after < before
            for place in self._places()
            for before, after in pairwise(n for seen in self._split(place)[0] for n in numbers(seen))
        )

    def waits(self) -> list[float]:
        """Seconds from each message to its answer, for those answered since this was asked last."""
        pairs = {number: at for place in self._places() for number, at in self._heard(place)}
        new = pairs.keys() - self._timed
        self._timed |= new
        return [pairs[number] - self._said[number][1] for number in new]

    def _places(self) -> range:
        return range(self.town.places)

    def _heard(self, place: int) -> list[tuple[int, float]]:
        return [(number, seen.at) for seen in self._split(place)[0] for number in numbers(seen)]

    def _split(self, place: int) -> tuple[list[Seen], list[Seen]]:
        """Return the messages that answer a number for the first time, and those that repeat."""
        heard, first, again = set[int](), list[Seen](), list[Seen]()
        for seen in self.town.seen(place):
            (again if heard.intersection(numbers(seen)) else first).append(seen)
            heard.update(numbers(seen))
        return first, again


def numbers(seen: Seen) -> list[int]:
    """Return the numbers in a finished reply; a reply that was cut off answers none."""
    return [int(number) for number in re.findall(r"#(\d+)", seen.text)] if seen.text.endswith("over") else []


def spread(values: list[float]) -> tuple[float, float]:
    """p50 and p95; 0 where there is nothing."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]
