"""The time that work still takes, as a range: from a plan at first, then from the work done so far."""

import math
from collections.abc import Callable
from dataclasses import dataclass

MARGIN = 0.05  # by which the range of two measured rates is widened on each side
_FEW = 4  # measurements below which the plan still counts
_KEPT = 256  # measurements; beyond them every other one is dropped
_MINUTE, _HOUR = 60, 3600
_TENS, _MINUTES, _HOURS = 90, 10 * _MINUTE, 90 * _MINUTE  # seconds from which a range is told less exactly

Clock = Callable[[], float]  # seconds


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The least and the most seconds that something is expected to take."""

    low: float
    high: float

    def __str__(self) -> str:
        """Return the range for people, such as "40 to 55 s" or "2:10 to 2:50 min"."""
        if self.high < _TENS:
            return _join(f"{math.floor(self.low)}", f"{math.ceil(self.high)}", "s")
        if self.high < _MINUTES:
            return _join(
                _clock(math.floor(self.low / 10) * 10), _clock(math.ceil(self.high / 10) * 10), "min"
            )
        if self.high < _HOURS:
            return _join(f"{self.low / _MINUTE:.0f}", f"{math.ceil(self.high / _MINUTE)}", "min")
        return _join(f"{self.low / _HOUR:.1f}", f"{math.ceil(self.high / _HOUR * 10) / 10:.1f}", "h")

    def part(self, share: float) -> "TimeRange":
        """Return the time of a share of the work."""
        return TimeRange(self.low * share, self.high * share)

    def widened(self, other: "TimeRange") -> "TimeRange":
        """Return the range that holds both."""
        return TimeRange(min(self.low, other.low), max(self.high, other.high))


class WorkEstimate:
    """The rate of some work, measured as it goes: the mean of all, and that of the last half of the time."""

    def __init__(self) -> None:
        self._moments = [(0.0, 0.0)]  # seconds of work, and the work done until then

    @property
    def seconds(self) -> float:
        """The seconds that were measured."""
        return self._moments[-1][0]

    @property
    def measurements(self) -> int:
        return len(self._moments) - 1

    def add(self, work: float, seconds: float) -> None:
        """Count work that took so many seconds."""
        before, done = self._moments[-1]
        self._moments.append((before + seconds, done + work))
        if len(self._moments) > _KEPT:
            self._moments = [*self._moments[:-1:2], self._moments[-1]]

    def seconds_for(self, least: float, most: float, planned: TimeRange | None = None) -> TimeRange | None:
        """Return the time for between `least` and `most` more work.

        `planned` is what was expected for the whole rest, which counts while little has been measured.
        Returns None where nothing is known.
        """
        rates = self._rates()
        if not rates:
            return planned
        measured = TimeRange(least / max(rates) * (1 - MARGIN), most / min(rates) * (1 + MARGIN))
        few = planned is not None and self.measurements < _FEW
        return measured.widened(planned) if few and planned is not None else measured

    def _rates(self) -> list[float]:
        """Return work a second, in all and in the last half; nothing before any work was measured."""
        seconds, done = self._moments[-1]
        if not (seconds > 0 and done > 0):
            return []
        middle = next(moment for moment in reversed(self._moments) if moment[0] <= seconds / 2)
        recent = (done - middle[1]) / (seconds - middle[0])
        return [rate for rate in (done / seconds, recent) if rate > 0]


def remaining_text(left: TimeRange | None) -> str:
    """Return the time that is left for people; "" where it is not known."""
    return f"{left} left" if left is not None else ""


def _join(low: str, high: str, unit: str) -> str:
    return f"about {high} {unit}" if low == high else f"{low} to {high} {unit}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes}:{rest:02}"
