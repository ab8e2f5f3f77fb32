"""Pages: slots of equal capacity in which running rows have their keys and values."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(eq=False, slots=True)
class KVSlot:
    """One sequence in the model: its slot, and how many tokens have their keys and values there."""

    slab: "KVSlab"
    index: int
    length: int = 0


class KVSlab:
    """Slots of one capacity. The slots in use are always the first ones, so that they are read together.

    Keys and values of a layer lie in one tensor [2, slots, heads, capacity, head size], made when the layer
    is first written. They begin as zeros, which the system hands out without touching memory.
    """

    def __init__(self, slots: int, capacity: int) -> None:
        self.slot_count, self.capacity = slots, capacity
        self.layers: dict[int, Tensor] = {}
        self.used_slots: list[KVSlot] = []

    def layer_tensor(self, index: int, like: Tensor) -> Tensor:
        """A layer's tensor, for keys like `like` [tokens, heads, head size]."""
        if index not in self.layers:
            shape = (2, self.slot_count, like.shape[1], self.capacity, like.shape[2])
            self.layers[index] = torch.zeros(shape, dtype=like.dtype, device=like.device)
        return self.layers[index]

    def allocate(self) -> KVSlot:
        """Take the first free slot."""
        row = KVSlot(self, len(self.used_slots))
        self.used_slots.append(row)
        return row

    def free(self, row: KVSlot, wipe: int = 0) -> None:
        """Give a slot back, with so many first tokens made zeros; the last row moves into it.

        What a slot holds behind its row's tokens is read with weight zero, which is right for any number but
        not for a NaN. A row that moves may yet turn out to hold some, so it leaves zeros behind.
        """
        last = self.used_slots.pop()
        for tensor in self.layers.values():
            tensor[:, row.index, :, :wipe] = 0
            if last is not row:
                tensor[:, row.index, :, : last.length] = tensor[:, last.index, :, : last.length]
                tensor[:, last.index, :, : self.capacity if wipe else last.length] = 0
        if last is not row:
            last.index = row.index
            self.used_slots[row.index] = last

    def read_slot(self, row: KVSlot) -> dict[int, Tensor]:
        """A copy of a row: per layer [2, heads, length, head size]."""
        return {index: t[:, row.index, :, : row.length].clone() for index, t in self.layers.items()}

    def write_slot(self, row: KVSlot, layers: dict[int, Tensor], length: int) -> None:
        """Fill a row with the first tokens of a copy."""
        for index, tensor in layers.items():
            like = tensor[0].transpose(0, 1)
            self.layer_tensor(index, like)[:, row.index, :, :length] = tensor[:, :, :length]
        row.length = length

    @property
    def bytes(self) -> int:
        """What its tensors may take."""
        return sum(tensor.nbytes for tensor in tuple(self.layers.values()))
