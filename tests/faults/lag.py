"""How late the event loop of the installed command is, written to a file while it runs.

A task sleeps ten milliseconds again and again and notes by how much it woke too late. LAG names the file.
"""

import asyncio
import time
from pathlib import Path

PAUSE = 0.01  # seconds between two looks
BATCH = 100  # looks that are written at once


async def note_lag(file: Path) -> None:
    """Append lines of "moment lateness", in seconds of the monotonic clock."""
    noted: list[str] = []
    with file.open("a") as lines:
        while True:
            due = time.monotonic() + PAUSE
            await asyncio.sleep(PAUSE)
            now = time.monotonic()
            noted.append(f"{now:.3f} {now - due:.4f}\n")
            if len(noted) == BATCH:
                lines.writelines(noted)
                lines.flush()
                noted.clear()


def read_lag(file: Path, begin: float, end: float) -> list[float]:
    """Return the lateness of each look between two moments, in seconds."""
    rows = (line.split() for line in file.read_text().splitlines())
    return [float(late) for moment, late in rows if begin <= float(moment) <= end]
