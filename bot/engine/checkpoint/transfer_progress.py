"""The progress of a transfer in words: megabytes, rate and time left."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any, Self

_WINDOW = 10.0  # seconds over which the rate is measured
_INTERVAL = 0.25  # seconds between two reports
_MEGABYTE = 10**6


class TransferProgress:
    """Counts bytes of several files and reports each quarter of a second, from any thread."""

    def __init__(
        self,
        name: str,
        total: int,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        work: str = "fetching",
    ) -> None:
        """`total`: bytes of all files; `work`: what is done with them.

        `report` gets the text, and what it raises ends the transfer.
        """
        self._work, self._report, self._clock = f"{work} {name} (once)", report, clock
        self._lock = Lock()
        self._moments: deque[tuple[float, int]] = deque()  # when, and the bytes of this transfer until then
        self._received = 0
        self._reported: float | None = None
        self.done, self.total = 0, total

    def begin(self, count: int) -> None:
        """Begin a file of which an earlier transfer left so many bytes on the disk."""
        with self._lock:
            self.done += count
            self._moments.append((self._clock(), self._received))

    def advance(self, count: int) -> None:
        """Count bytes that came, or take back those of a file that begins anew; report now and then."""
        now = self._clock()
        with self._lock:
            self.done += count
            self._received += max(0, count)
            self._moments.append((now, self._received))
            while len(self._moments) > 2 and now - self._moments[0][0] > _WINDOW:
                self._moments.popleft()
            if self._reported is not None and now - self._reported < _INTERVAL:
                return
            self._reported = now
        self._report(self.text())

    def text(self) -> str:
        """Return the state, such as "fetching NAME (once): 120 of 940 MB, 12.3 MB/s, 1:06 left"."""
        size = f"{self.done / _MEGABYTE:,.0f} of {self.total / _MEGABYTE:,.0f} MB"
        rate = self._rate()
        if not rate:
            return f"{self._work}: {size}"
        left = _duration(max(0, self.total - self.done) / rate)
        return f"{self._work}: {size}, {rate / _MEGABYTE:,.1f} MB/s, {left} left"

    def _rate(self) -> float:
        """Return bytes a second over the last seconds; 0 while there is nothing to measure."""
        with self._lock:
            if len(self._moments) < 2:
                return 0.0
            (start, before), (end, after) = self._moments[0], self._moments[-1]
        return (after - before) / (end - start) if end > start else 0.0


def progress_bar_class(progress: TransferProgress) -> Any:
    """Return a class for the `tqdm_class` of huggingface_hub (2.4), which makes a bar for each file."""

    class ProgressBar:
        def __init__(self, *_: object, initial: int = 0, **settings: object) -> None:
            progress.begin(initial)

        def update(self, count: int | float | None = 1) -> None:
            progress.advance(int(count or 0))

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

    return ProgressBar


def _duration(seconds: float) -> str:
    """Return minutes and seconds, or hours too, such as 1:06 and 2:01:06."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
