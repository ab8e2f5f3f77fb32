"""Slot image: an adapter's matrices as the slots of all layers hold them, in one buffer of the host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from weakref import finalize

import torch
from torch import Tensor

from bot.engine.runtime.cpu_threads import single_threaded

if TYPE_CHECKING:
    from bot.engine.lora.linear import LoraLinear, LoraPair

PINNED_BYTES = 1 << 30  # of all images: memory that the system cannot move is scarce


@dataclass(frozen=True, eq=False, slots=True)
class SlotImage:
    """`buffer` [numbers]: a [inputs, parts, rank], then b [blocks, rank, width], of each changed layer.

    `layers` are the indexes of these layers, in the buffer's order; `modules` the names that the adapter has.
    """

    buffer: Tensor
    rank: int
    modules: frozenset[str]
    layers: frozenset[int]

    def load(self, layers: Sequence["LoraLinear"], slot: int, device: torch.device) -> None:
        """Write a slot of all layers: one copy to the device, then copies on the device."""
        staged = self.buffer.to(device, non_blocking=True)
        targets: list[Tensor] = []
        padded: list[Tensor] = []
        for index, layer in enumerate(layers):
            if (views := layer.slot_views(slot)) is None:
                continue
            a, b = views
            if index not in self.layers or self.rank < b.shape[1]:
                padded += views
            if index in self.layers:
                targets += [a[..., : self.rank], b[:, : self.rank]]
        if padded:
            torch._foreach_zero_(padded)
        if targets:
            pieces = torch.split(staged, [target.numel() for target in targets])
            sources = [piece.view(target.shape) for piece, target in zip(pieces, targets, strict=True)]
            torch._foreach_copy_(targets, sources)


def make_image(
    layers: Sequence["LoraLinear"], pairs: Mapping[str, "LoraPair"], rank: int, dtype: torch.dtype
) -> SlotImage:
    """Lay an adapter's matrices out for the slots of these layers, beside threads that compute."""
    changed = [index for index, layer in enumerate(layers) if layer.is_changed_by(pairs.keys())]
    sizes = [layers[index].parameters_of(rank) for index in changed]
    buffer = _empty(sum(sizes), dtype)
    with single_threaded():
        for index, piece in zip(changed, torch.split(buffer, sizes), strict=True):
            a, b = layers[index].slot_matrices(pairs, rank)
            piece[: a.numel()] = a.flatten()
            piece[a.numel() :] = b.flatten()
    return SlotImage(buffer, rank, frozenset(pairs), frozenset(changed))


class _Pinned:
    """Bytes of images that are pinned now; threads that prepare adapters share it."""

    def __init__(self) -> None:
        self.bytes, self._lock = 0, Lock()

    def take(self, size: int) -> bool:
        """Count bytes, if there is room for them."""
        with self._lock:
            fits = self.bytes + size <= PINNED_BYTES
            self.bytes += size if fits else 0
            return fits

    def give_back(self, size: int) -> None:
        """Count bytes no longer."""
        with self._lock:
            self.bytes -= size


_pinned = _Pinned()


def _empty(numbers: int, dtype: torch.dtype) -> Tensor:
    """Return host memory that a card reads by itself, or other memory where there is too much of it."""
    size = numbers * dtype.itemsize
    if not _pinned.take(size):
        return torch.empty(numbers, dtype=dtype)
    try:
        buffer = torch.empty(numbers, dtype=dtype).pin_memory()
    except RuntimeError:  # the system pins no more, or the card is lost, which the next step tells
        _pinned.give_back(size)
        return torch.empty(numbers, dtype=dtype)
    finalize(buffer, _pinned.give_back, size)
    return buffer
