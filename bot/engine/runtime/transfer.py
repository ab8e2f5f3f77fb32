"""Numbers from the host to a device, without a wait for a graphics card."""

from collections.abc import Sequence

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
    pinned = host.pin_memory() if torch.device(device).type == "cuda" else host
    return pinned.to(device, non_blocking=True)
