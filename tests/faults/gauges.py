"""The resources of a process, measured again and again, and whether they grow."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil


@dataclass(slots=True)
class Gauge:
    """One quantity over time. `slack`: how much more it may be at the end; None: not judged."""

    name: str
    unit: str = ""
    slack: float | None = None
    values: list[float] = field(default_factory=list)

    @property
    def early(self) -> float:
        return median(self.values[: self._tenth])

    @property
    def late(self) -> float:
        return median(self.values[-self._tenth :])

    @property
    def _tenth(self) -> int:
        return max(1, len(self.values) // 10)

    @property
    def has_grown(self) -> bool:
        return self.slack is not None and self.late > self.early * 1.1 + self.slack

    @property
    def row(self) -> str:
        figures = (self.values[0], self.early, self.late, max(self.values))
        start, early, late, most = (f"{figure:,.2f}".removesuffix(".00") for figure in figures)
        judged = "not judged" if self.slack is None else "has grown" if self.has_grown else "flat"
        return (
            f"{self.name:<20} start {start}, first tenth {early}, last tenth {late}, max {most} {self.unit}"
            f" ({judged})"
        )


class Gauges:
    """The gauges of one process and its memory file."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self.all = {
            gauge.name: gauge
            for gauge in (
                Gauge("resident memory", "MB", 10.0),
                Gauge("open files", "", 8.0),
                Gauge("threads", "", 4.0),
                Gauge("write-ahead log", "MB", 4.0),
                Gauge("database", "MB"),
                Gauge("answered after, p50", "s"),
                Gauge("answered after, p95", "s"),
            )
        }

    def read(self, process: int, waits: tuple[float, float]) -> None:
        """Add one sample; `waits`: how long the newest answers took, p50 and p95."""
        found = psutil.Process(process)
        figures = (
            found.memory_info().rss / 1e6,
            found.num_fds(),
            found.num_threads(),
            _megabytes(self._memory.with_name(self._memory.name + "-wal")),
            _megabytes(self._memory),
            *waits,
        )
        for gauge, figure in zip(self.all.values(), figures, strict=True):
            gauge.values.append(figure)

    @property
    def grown(self) -> list[str]:
        return [gauge.name for gauge in self.all.values() if gauge.has_grown]

    @property
    def newest(self) -> str:
        """The last sample, on one line."""
        return ", ".join(f"{gauge.name} {gauge.values[-1]:.2f}" for gauge in self.all.values())


def _megabytes(file: Path) -> float:
    return file.stat().st_size / 1e6 if file.exists() else 0.0
