"""One stage of long work, such as loading a model, and its line of progress."""

from training.progress.estimate import Clock, TimeRange, WorkEstimate, remaining_text

_CELLS = 24  # of a bar
_FULL, _EMPTY = "█", "░"


class Stage:
    """A stage in progress: `done` of `total` units, where its work can be counted.

    Other threads read it while its owner counts.
    """

    def __init__(self, name: str, clock: Clock, total: float | None = None, unit: str = "") -> None:
        self.name, self.total, self.unit, self.note = name, total, unit, ""
        self.done = 0.0
        self.began = self._counted = clock()
        self._clock, self._estimate = clock, WorkEstimate()
        self._left: TimeRange | None = None

    def advance(self, count: float) -> None:
        """Count work that is done, and estimate the time that is left."""
        now = self._clock()
        self._estimate.add(count, now - self._counted)
        self._counted, self.done = now, self.done + count
        if self.total is not None:
            rest = max(0.0, self.total - self.done)
            self._left = self._estimate.seconds_for(rest, rest)

    def begin(self, total: float, unit: str) -> None:
        """Begin to count: the work before could not be counted."""
        self.total, self.unit, self._counted = total, unit, self._clock()

    def show(self, done: float, left: TimeRange | None, note: str = "") -> None:
        """Show work and time left as somebody else has counted them."""
        self.done, self._left, self.note = done, left, note

    def describe(self, note: str) -> None:
        """Say more about what is done now."""
        self.note = note

    def line(self) -> str:
        """Return the stage's line: its bar where it counts, the time so far and the time left."""
        seconds = self._clock() - self.began
        parts = [_duration(seconds), remaining_text(self._left), self.note]
        counted = [f"{_bar(self.done / self.total)} {self._count()}"] if self.total else []
        counted += [f"{self.done:,.0f} {self.unit}"] if self.done and not self.total else []
        return f"{self.name}: {', '.join(filter(None, [*counted, *parts]))}"

    def _count(self) -> str:
        return f"{self.done:,.0f} of {self.total:,.0f} {self.unit}".rstrip()


def _bar(share: float) -> str:
    full = round(_CELLS * min(1.0, max(0.0, share)))
    return _FULL * full + _EMPTY * (_CELLS - full)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
