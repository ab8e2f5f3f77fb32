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

    def load(self, layers: Sequence["LoraLinear"], slot: int) -> None:
        """Write a slot of all layers: one copy to each device, then copies on the device."""
        for device in dict.fromkeys(layer.device for layer in layers):
            self._load_on(device, layers, slot)

    def _load_on(self, device: torch.device, layers: Sequence["LoraLinear"], slot: int) -> None:
        targets: list[Tensor] = []
        sources: list[Tensor] = []
        padded: list[Tensor] = []
        staged, start = self.buffer.to(device, non_blocking=True), 0
        for index, layer in enumerate(layers):
            size = layer.parameters_of(self.rank) if index in self.layers else 0
            views = layer.slot_views(slot) if layer.device == device else None
            if views is not None and (not size or self.rank < views[1].shape[1]):
                padded += views
            if views is not None and size:
                parts = [views[0][..., : self.rank], views[1][:, : self.rank]]
                pieces = torch.split(staged[start : start + size], [part.numel() for part in parts])
                targets += parts
                sources += [piece.view(part.shape) for piece, part in zip(pieces, parts, strict=True)]
            start += size
        if padded:
            torch._foreach_zero_(padded)
        if targets:
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
