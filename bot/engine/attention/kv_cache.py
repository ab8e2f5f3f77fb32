"""The KV cache: slabs for running sequences, and prefixes of ended ones, within a budget of bytes."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bot.engine.attention.kv_slab import KVSlab, KVSlot
from bot.token_prefix import common_prefix

SLAB_TOKENS = 4096  # tokens of a slab where there is room: 16 slots of 256, one of 4,096
MIN_CAPACITY = 256  # tokens of the smallest slots
MIN_SHARED_TOKENS = 32  # tokens from which a shared prefix is stored


@dataclass(frozen=True, slots=True)
class PrefixCacheEntry:
    """The tokens of a sequence with their keys and values, per layer [2, kv heads, tokens, head size]."""

    ids: tuple[int, ...]
    layers: dict[int, Tensor]

    @property
    def bytes(self) -> int:
        """The bytes of all layers' tensors."""
        return sum(tensor.nbytes for tensor in self.layers.values())

    def common_prefix(self, ids: Sequence[int]) -> int:
        """Return the count of first ids that are the same."""
        return common_prefix(self.ids, ids)


@dataclass(slots=True)
class KVCache:
    """All keys and values within `budget` bytes. Slots of running sequences come before stored prefixes.

    `token_bytes` are the bytes of one token in all layers, known once a slot was written. `slab_tokens` are
    those of a slab where there is room; slabs get fewer slots, and slots a smaller capacity, where there is
    not. `prefixes` are ordered by last use, oldest first.
    """

    budget: int
    token_bytes: int = 0
    slab_tokens: int = SLAB_TOKENS
    slabs: list[KVSlab] = field(default_factory=list)
    prefixes: OrderedDict[Hashable, PrefixCacheEntry] = field(default_factory=OrderedDict)

    @torch.inference_mode()
    def allocate(self, tokens: int, count: int = 1) -> list[KVSlot] | None:
        """Return `count` slots for at most `tokens` tokens each, or None without room for all of them.

        Where memory is short, new slabs have fewer slots, then slots of just these tokens; at last, larger
        slots that are free serve.
        """
        for capacity, slab_slots in _slab_shapes(tokens, self.slab_tokens):
            open_slabs = [slab for slab in self.slabs if slab.capacity == capacity and _free_slots(slab)]
            missing = count - sum(map(_free_slots, open_slabs))
            new_count = max(0, -(-missing // slab_slots))
            if self._make_room(new_count * slab_slots * capacity * self.token_bytes, keep=open_slabs):
                new_slabs = [KVSlab(slab_slots, capacity) for _ in range(new_count)]
                self.slabs += new_slabs
                return _take((*open_slabs, *new_slabs), count)
        larger = [slab for slab in self.slabs if slab.capacity >= tokens and _free_slots(slab)]
        return _take(larger, count) if sum(map(_free_slots, larger)) >= count else None

    @torch.inference_mode()
    def free(self, slot: KVSlot, wipe: range = range(0)) -> None:
        """Free a sequence's slot; the slab stays for the next sequences until its bytes are needed.

        `wipe`: the tokens whose keys and values may be NaN, which become zeros.
        """
        slot.slab.free(slot, wipe)
        if self.token_bytes == 0:
            self.token_bytes = slot.slab.bytes // (slot.slab.slot_count * slot.slab.capacity)

    @torch.inference_mode()
    def copy_slot(self, slot: KVSlot, target: KVSlot, start: int = 0) -> None:
        """Copy all tokens of a slot to another slot, which holds the same first `start` ones."""
        slot.slab.copy_slot(slot, target, start)

    @torch.inference_mode()
    def store_prefix(self, key: Hashable, ids: Sequence[int], slot: KVSlot) -> None:
        """Store the tokens of a slot that are these ids, unless they alone would fill half the budget."""
        self.prefixes.pop(key, None)
        length = min(slot.length, len(ids))
        size = length * self.token_bytes
        if size <= self.budget // 2 and self._make_room(size, keep=()):
            self.prefixes[key] = PrefixCacheEntry(tuple(ids[:length]), slot.slab.read_slot(slot, length))

    @torch.inference_mode()
    def load_prefix(self, keys: Sequence[Hashable], ids: Sequence[int], slot: KVSlot) -> int:
        """Fill an empty slot with the longest stored prefix of these ids under one of the keys.

        Return the count of its tokens; at most len(ids) - 1, since the next token comes from the last id.
        """
        found = [(self.prefixes[key].common_prefix(ids), key) for key in keys if key in self.prefixes]
        common, key = max(found, key=lambda pair: pair[0], default=(0, None))
        if common := min(common, len(ids) - 1):
            self.prefixes.move_to_end(key)
            slot.slab.write_slot(slot, self.prefixes[key].layers, common)
        return common

    @torch.inference_mode()
    def store_shared_prefix(self, key: Hashable, ids: Sequence[int], slot: KVSlot) -> None:
        """Store the first ids of a slot for sequences of other places, under the key and these ids."""
        full_key = (key, tuple(ids))
        if len(ids) >= MIN_SHARED_TOKENS and full_key not in self.prefixes and slot.length >= len(ids):
            self.store_prefix(full_key, ids, slot)

    def drop_prefixes(self, part: Hashable) -> None:
        """Drop the prefixes under keys that hold `part`, at any depth of tuples."""
        for key in list(self.prefixes):
            if part in _flatten_key(key):
                del self.prefixes[key]

    def release_unused(self) -> bool:
        """Drop all prefixes and empty slabs; return whether there were any."""
        spare = bool(self.prefixes) or not all(slab.used_slots for slab in self.slabs)
        self.prefixes.clear()
        for slab in self.slabs:
            if not slab.used_slots:
                slab.layers.clear()  # at once: slots of a failed step may still hold the slab
        self.slabs = [slab for slab in self.slabs if slab.used_slots]
        return spare

    @property
    def slab_bytes(self) -> int:
        """The bytes of all slabs."""
        return sum(slab.bytes for slab in tuple(self.slabs))

    @property
    def prefix_bytes(self) -> int:
        """The bytes of all prefixes."""
        return sum(entry.bytes for entry in tuple(self.prefixes.values()))

    def fits_budget(self, tokens: int, count: int) -> bool:
        """Return whether `count` slots of `tokens` tokens each fit an empty cache."""
        return count * _exact_capacity(tokens) * self.token_bytes <= self.budget

    def _make_room(self, size: int, keep: Sequence[KVSlab]) -> bool:
        """Drop empty slabs, unused slots, then prefixes, oldest first, until `size` bytes are free.

        Nothing is dropped where dropping everything would not free enough. Slabs in `keep` stay whole.
        """
        slots = ((slab.slot_count if slab in keep else len(slab.used_slots), slab) for slab in self.slabs)
        least = sum(count * slab.capacity for count, slab in slots)
        if self.budget - least * self.token_bytes < size:
            return False
        while self._free_bytes() < size:
            spare = [slab for slab in self.slabs if _free_slots(slab) and slab not in keep]
            if empty := [slab for slab in spare if not slab.used_slots]:
                self.slabs.remove(empty[0])
            elif spare:
                spare[0].trim()
            else:
                self.prefixes.popitem(last=False)
        return True

    def _free_bytes(self) -> int:
        slab_tokens = sum(slab.slot_count * slab.capacity for slab in self.slabs)
        return self.budget - slab_tokens * self.token_bytes - self.prefix_bytes


def _free_slots(slab: KVSlab) -> int:
    return slab.slot_count - len(slab.used_slots)


def _flatten_key(key: Hashable) -> Iterator[Hashable]:
    """Yield the parts of a key, of tuples in tuples too."""
    if isinstance(key, tuple):
        for part in key:
            yield from _flatten_key(part)
    else:
        yield key


def capacity_for(tokens: int) -> int:
    """Return the capacity of slots for at most `tokens` tokens: the next power of two."""
    return max(MIN_CAPACITY, 1 << (tokens - 1).bit_length())


def _exact_capacity(tokens: int) -> int:
    """Return the least capacity for `tokens` tokens, a multiple of `MIN_CAPACITY`."""
    return -(-tokens // MIN_CAPACITY) * MIN_CAPACITY


def _slab_shapes(tokens: int, slab_tokens: int) -> Iterator[tuple[int, int]]:
    """Yield capacity and slot count of slabs for sequences of `tokens` tokens, from spacious to tight."""
    capacity = capacity_for(tokens)
    slots = max(1, slab_tokens // capacity)
    while slots:
        yield capacity, slots
        slots //= 2
    if _exact_capacity(tokens) < capacity:
        yield _exact_capacity(tokens), 1


def _take(slabs: Iterable[KVSlab], count: int) -> list[KVSlot]:
    """Take `count` free slots of slabs, in order."""
    chosen = [slab for slab in slabs for _ in range(_free_slots(slab))]
    return [slab.allocate() for slab in chosen[:count]]
