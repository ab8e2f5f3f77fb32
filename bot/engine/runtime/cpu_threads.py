"""CPU threads of torch's arithmetic, per calling thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def set_threads(threads: int) -> None:
    """Set the number of cores that this thread's arithmetic may use; 0 is every core."""
    torch.set_num_threads(threads or torch.get_num_threads())


@contextmanager
def single_threaded() -> Iterator[None]:
    """Compute on this thread alone, beside a thread that generates.

    Each thread that computes on all cores has OpenMP helpers of its own. As soon as all of them together are
    more than the cores, the helpers sleep between any two tasks, for good: a step takes almost twice as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
