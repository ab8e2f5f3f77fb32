"""Memory of a pretended card, as torch's caching allocator would take it."""

import weakref
from dataclasses import dataclass

import torch

_ROUNDING = 512  # bytes to which the allocator rounds a block up


@dataclass
class CardMemory:
    """Bytes of one card. `others`: taken by the desktop and other programs, the CUDA context included.

    `allocated` are bytes of live tensors. `reserved` are bytes that torch took from the driver: it gives
    freed blocks back by `release` alone.
    """

    total: int
    others: int = 0
    allocated: int = 0
    reserved: int = 0
    peak: int = 0  # of `allocated`
    limit: float = 1.0  # share of `total` that this process may reserve

    @property
    def free(self) -> int:
        """Bytes that the driver has left."""
        return max(0, self.total - self.others - self.reserved)

    def track(self, storage: torch.UntypedStorage) -> None:
        """Count a new storage until it is freed; raises `torch.OutOfMemoryError` as torch does."""
        size = -(-storage.nbytes() // _ROUNDING) * _ROUNDING
        room = min(self.total - self.others, int(self.limit * self.total))
        if self.allocated + size > room:
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size / 2**20:.2f} MiB. GPU 0 has a total capacity "
                f"of {self.total / 2**30:.2f} GiB of which {self.free / 2**20:.2f} MiB is free."
            )
        self.allocated += size
        self.reserved = max(self.reserved, self.allocated)
        self.peak = max(self.peak, self.allocated)
        weakref.finalize(storage, self._free, size)

    def release(self) -> None:
        """Give all freed blocks back to the driver, as `torch.cuda.empty_cache` does."""
        self.reserved = self.allocated

    def _free(self, size: int) -> None:
        self.allocated -= size
