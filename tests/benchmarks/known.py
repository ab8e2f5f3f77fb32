"""Memory of adapters that are registered and not active."""

import ctypes
import gc
from contextlib import suppress
from statistics import linear_regression

import psutil

from tests.benchmarks.drawn import adapters, size
from tests.benchmarks.load import running
from tests.benchmarks.report import Figure, Run

ACTIVE = 8


async def unused(run: Run) -> list[Figure]:
    """Line `memory`: bytes by which the process grows for every registered adapter that was never active."""
    folders = adapters(run.data, run.pick(40, 100))
    file = size(folders[0])
    async with running(run.data, folders[:ACTIVE]) as subject:
        await subject.rows(ACTIVE, 4, [folder.name for folder in folders[:ACTIVE]])
        resident, stated = [_resident()], subject.engine.status().memory
        for folder in folders[ACTIVE:]:
            await subject.engine.add_adapter(folder.name, folder)
            resident.append(_resident())
        later = subject.engine.status().memory
    unused = len(folders) - ACTIVE
    each = linear_regression(range(unused + 1), resident).slope  # what comes once counts little
    own = (sum(later.values()) - sum(stated.values())) / unused
    active = stated["active adapters"] / ACTIVE
    return [
        Figure(
            f"{len(folders)} adapters registered, 8 active: memory of an unused one, to its file",
            each / file,
            f"{each / 1e6:.2f} MB of resident memory",
            f"{file / 1e6:.2f} MB on disk",
            f"by the engine's own count {own / file:.3f} x; an active one takes {active / 1e6:.1f} MB more; "
            f"resident in all {resident[0] / 1e6:.0f} MB before and {resident[-1] / 1e6:.0f} MB after",
            1.0,
            most=True,
        )
    ]


def _resident() -> int:
    """Bytes of this process in memory, without those that are free again."""
    gc.collect()
    with suppress(OSError, AttributeError):  # where the C library is another
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)
