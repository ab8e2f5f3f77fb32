"""Numbers from the host to a device and back, without a wait for a graphics card."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


def upload(
    values: Sequence[float] | Sequence[Sequence[float]],
    device: torch.device | str,
    dtype: torch.dtype = torch.int64,
) -> Tensor:
    """Return a list of numbers on a device, [len(values)]; also lists of lists.

    A copy from ordinary memory would make the host wait until a card has computed all that was launched.
    """
    host = torch.tensor(values, dtype=dtype)
    if torch.device(device).type == "cpu":
        return host
    return pinned(host, device).to(device, non_blocking=True)


def pinned(host: Tensor, device: torch.device | str) -> Tensor:
    """Return a tensor in memory that a graphics card reads by itself; for other devices, the same one."""
    return host.pin_memory() if torch.device(device).type == "cuda" else host


@dataclass(slots=True)
class PackedNumbers:
    """Lists of numbers that cross to a card as one tensor [count], int64; floats as the bits of float64."""

    values: list[int] = field(default_factory=list)

    def add(self, numbers: Sequence[int]) -> slice:
        """Append integers; return their place."""
        start = len(self.values)
        self.values += numbers
        return slice(start, len(self.values))

    def add_floats(self, numbers: Sequence[float]) -> slice:
        """Append floats; return their place."""
        count = len(numbers)
        return self.add(struct.unpack(f"{count}q", struct.pack(f"{count}d", *numbers)))


class Download:
    """Integers [count] on their way from a device to the host, which waits only when it reads them."""

    def __init__(self, numbers: Tensor) -> None:
        """Begin the copy, behind all that was launched so far."""
        on_card = numbers.device.type == "cuda"
        self._numbers: Tensor | list[int] = _download(numbers) if on_card else numbers.tolist()
        if on_card:
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record(torch.cuda.current_stream(numbers.device))

    def read(self) -> list[int]:
        """Wait for the numbers and return them."""
        if isinstance(self._numbers, Tensor):
            self._copied.synchronize()
            self._numbers = self._numbers.tolist()
        return self._numbers


def _download(numbers: Tensor) -> Tensor:
    """Begin to copy numbers from a card into memory that it writes by itself."""
    host = torch.empty(numbers.shape, dtype=numbers.dtype).pin_memory()
    return host.copy_(numbers, non_blocking=True)
