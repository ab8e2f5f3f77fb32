"""KV slabs: the keys and values of running sequences, in slots of equal capacity."""

from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

_versions = count()


@dataclass(eq=False, slots=True)
class KVSlot:
    """One sequence's slot: its index in the slab, and the count of tokens whose keys and values it holds."""

    slab: "KVSlab"
    index: int
    length: int = 0


class KVSlab:
    """The KV slots of several sequences of equal capacity, in tokens. Slots in use come first.

    Attention reads the slots in use together. A layer's keys and values are one tensor [2, slots, kv heads,
    capacity, head size], allocated when the layer is first written. It begins as zeros, which the system
    hands out without touching memory. `version` is a number of no other slab, and another one whenever a
    tensor is another one.
    """

    def __init__(self, slot_count: int, capacity: int) -> None:
        self.version = next(_versions)
        self.slot_count, self.capacity = slot_count, capacity
        self.layers: dict[int, Tensor] = {}
        self.used_slots: list[KVSlot] = []

    def layer_tensor(self, index: int, like: Tensor) -> Tensor:
        """Return a layer's tensor, for keys of the dtype and sizes of `like` [tokens, kv heads, size]."""
        if index not in self.layers:
            self.version = next(_versions)
            shape = (2, self.slot_count, like.shape[1], self.capacity, like.shape[2])
            self.layers[index] = torch.zeros(shape, dtype=like.dtype, device=like.device)
        return self.layers[index]

    def allocate(self) -> KVSlot:
        """Take the first free slot."""
        slot = KVSlot(self, len(self.used_slots))
        self.used_slots.append(slot)
        return slot

    def free(self, slot: KVSlot, wipe: range = range(0)) -> None:
        """Free a slot and zero the tokens of `wipe`; the last slot in use moves into its place.

        Attention reads the numbers behind a slot's tokens with weight zero, which is right for any number but
        not for a NaN. A slot that moves may turn out to hold NaN later, so it leaves zeros behind.
        """
        last = self.used_slots.pop()
        for tensor in self.layers.values():
            tensor[:, slot.index, :, wipe.start : wipe.stop] = 0
            if last is not slot:
                tensor[:, slot.index, :, : last.length] = tensor[:, last.index, :, : last.length]
                tensor[:, last.index, :, : self.capacity if wipe else last.length] = 0
        if last is not slot:
            last.index = slot.index
            self.used_slots[slot.index] = last

    def trim(self) -> None:
        """Give back the slots that are not in use."""
        if (used := len(self.used_slots)) < self.slot_count:
            self.slot_count, self.version = used, next(_versions)
            for index, tensor in self.layers.items():  # one layer at a time: memory may be short
                self.layers[index] = tensor[:, :used].clone()

    def read_slot(self, slot: KVSlot, length: int) -> dict[int, Tensor]:
        """Return a copy of a slot's first `length` tokens: per layer [2, kv heads, length, head size]."""
        return {layer: t[:, slot.index, :, :length].clone() for layer, t in self.layers.items()}

    def write_slot(self, slot: KVSlot, layers: dict[int, Tensor], length: int) -> None:
        """Fill a slot with the first `length` tokens of a copy from `read_slot`."""
        for index, tensor in layers.items():
            like = tensor[0].transpose(0, 1)
            self.layer_tensor(index, like)[:, slot.index, :, :length] = tensor[:, :, :length]
        slot.length = length

    def copy_slot(self, slot: KVSlot, target: KVSlot, start: int = 0) -> None:
        """Copy the tokens of a slot from `start` on to another slot, which may be of another slab."""
        for index, tensor in self.layers.items():
            other = target.slab.layer_tensor(index, tensor[0].transpose(1, 2)[0])
            other[:, target.index, :, start : slot.length] = tensor[:, slot.index, :, start : slot.length]
        target.length = slot.length

    @property
    def bytes(self) -> int:
        """The bytes of all layers' tensors."""
        return sum(tensor.nbytes for tensor in tuple(self.layers.values()))
