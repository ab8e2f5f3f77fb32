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
    """Integers [count] on their way from a device to the host, which waits only when it reads them.

    All memory is taken when it is made: what follows a computation must not fail for lack of it.
    """

    def __init__(self, count: int, device: torch.device) -> None:
        self._numbers = pinned(torch.empty(count, dtype=torch.int64), device)
        self._copied: torch.cuda.Event | None = None
        if device.type == "cuda":
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def begin(self, numbers: Tensor) -> None:
        """Begin to copy the first of numbers [at least count], behind all that was launched so far."""
        self._numbers.copy_(numbers[: len(self._numbers)], non_blocking=True)
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(numbers.device))

    def read(self) -> list[int]:
        """Wait for the numbers and return them."""
        if self._copied is not None:
            self._copied.synchronize()
        numbers: list[int] = self._numbers.tolist()
        return numbers
