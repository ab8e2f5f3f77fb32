"""All keys and values within a budget: pages for running rows, tight copies for places at rest."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bot.engine.attention.kv_slab import KVSlab, KVSlot

SLAB_TOKENS = 4096  # tokens that a page holds: 16 slots of 256, one of 4,096
MIN_CAPACITY = 256  # tokens of the smallest slots
MIN_SHARED_TOKENS = 32  # tokens from which a shared beginning is remembered


@dataclass(frozen=True, slots=True)
class PrefixCacheEntry:
    """The keys and values of a sequence whose row is gone."""

    ids: tuple[int, ...]
    layers: dict[int, Tensor]

    @property
    def bytes(self) -> int:
        """What its tensors take."""
        return sum(tensor.nbytes for tensor in self.layers.values())

    def common_prefix(self, ids: Sequence[int]) -> int:
        """How many of the first ids are the same."""
        pairs = enumerate(zip(self.ids, ids, strict=False))
        return next((place for place, (own, other) in pairs if own != other), min(len(self.ids), len(ids)))


@dataclass(slots=True)
class KVCache:
    """All keys and values, within a budget of bytes. Running rows come first; what is kept makes room.

    `token_bytes` is what one token takes over all layers; it is known once a row was written.
    """

    budget: int
    token_bytes: int = 0
    slabs: list[KVSlab] = field(default_factory=list)
    prefixes: OrderedDict[Hashable, PrefixCacheEntry] = field(default_factory=OrderedDict)

    @torch.inference_mode()
    def allocate(self, tokens: int, rows: int = 1) -> list[KVSlot] | None:
        """Slots for so many rows of at most so many tokens, or None while there is no room for all."""
        capacity = capacity_for(tokens)
        free = [
            page
            for page in self.slabs
            if page.capacity == capacity and len(page.used_slots) < page.slot_count
        ]
        missing = rows - sum(page.slot_count - len(page.used_slots) for page in free)
        slots = max(1, SLAB_TOKENS // capacity)
        fresh = max(0, -(-missing // slots))
        if not self._make_room(fresh * slots * capacity * self.token_bytes, keep=free):
            return None
        made = [KVSlab(slots, capacity) for _ in range(fresh)]
        self.slabs += made
        places = [page for page in (*free, *made) for _ in range(page.slot_count - len(page.used_slots))]
        return [page.allocate() for page in places[:rows]]

    @torch.inference_mode()
    def free(self, row: KVSlot, wipe: int = 0) -> None:
        """Give a row's slot back; the page stays for the next rows until its bytes are wanted.

        `wipe` is how many first tokens may hold keys and values that are no numbers.
        """
        row.slab.free(row, wipe)
        if self.token_bytes == 0:
            self.token_bytes = row.slab.bytes // (row.slab.slot_count * row.slab.capacity)

    @torch.inference_mode()
    def copy_slot(self, row: KVSlot, target: KVSlot) -> None:
        """Give another row the same beginning."""
        target.slab.write_slot(target, row.slab.read_slot(row), row.length)

    @torch.inference_mode()
    def store_prefix(self, key: Hashable, ids: Sequence[int], row: KVSlot) -> None:
        """Remember a row's tokens under a key, unless they alone would fill half the budget."""
        self.prefixes.pop(key, None)
        size = row.length * self.token_bytes
        if size <= self.budget // 2 and self._make_room(size, keep=()):
            self.prefixes[key] = PrefixCacheEntry(tuple(ids[: row.length]), row.slab.read_slot(row))

    @torch.inference_mode()
    def load_prefix(self, keys: Sequence[Hashable], ids: Sequence[int], row: KVSlot) -> int:
        """Fill a fresh row with the most that is remembered of these ids under one of the keys.

        Returns of how many; one is always left, since the next token comes from it.
        """
        found = [(self.prefixes[key].common_prefix(ids), key) for key in keys if key in self.prefixes]
        common, key = max(found, key=lambda pair: pair[0], default=(0, None))
        if common := min(common, len(ids) - 1):
            self.prefixes.move_to_end(key)
            row.slab.write_slot(row, self.prefixes[key].layers, common)
        return common

    @torch.inference_mode()
    def store_shared_prefix(self, key: Hashable, ids: Sequence[int], row: KVSlot) -> None:
        """Remember the first ids of a row for other places, under a key that names them."""
        if (
            len(ids) >= MIN_SHARED_TOKENS
            and (key, tuple(ids)) not in self.prefixes
            and row.length >= len(ids)
        ):
            whole, row.length = row.length, len(ids)
            self.store_prefix((key, tuple(ids)), ids, row)
            row.length = whole

    def drop_prefixes(self, wanted: Hashable = None) -> None:
        """Drop what is remembered under keys that hold `wanted`, or everything."""
        for key in list(self.prefixes):
            if wanted is None or wanted in _flat(key):
                del self.prefixes[key]

    def release_unused(self) -> bool:
        """Give back everything that no running row needs; returns whether there was any such thing."""
        spare = bool(self.prefixes) or not all(page.used_slots for page in self.slabs)
        self.prefixes.clear()
        self.slabs = [page for page in self.slabs if page.used_slots]
        return spare

    @property
    def slab_bytes(self) -> int:
        """What the pages take at most."""
        return sum(page.bytes for page in tuple(self.slabs))

    @property
    def prefix_bytes(self) -> int:
        """What is remembered of places at rest."""
        return sum(kept.bytes for kept in tuple(self.prefixes.values()))

    def fits_budget(self, tokens: int, rows: int) -> bool:
        """Whether so many rows of so many tokens could ever run."""
        capacity = capacity_for(tokens)
        slots = max(1, SLAB_TOKENS // capacity)
        return -(-rows // slots) * slots * capacity * self.token_bytes <= self.budget

    def _make_room(self, size: int, keep: Sequence[KVSlab]) -> bool:
        """Drop empty pages, then what is remembered, oldest first, until so many bytes are free.

        Nothing is dropped where all of it would not be enough.
        """
        if (
            self.budget - self._reserved_bytes(page for page in self.slabs if page.used_slots or page in keep)
            < size
        ):
            return False
        while self._free_bytes() < size:
            empty = next((page for page in self.slabs if not page.used_slots and page not in keep), None)
            if empty is not None:
                self.slabs.remove(empty)
            else:
                self.prefixes.popitem(last=False)
        return True

    def _free_bytes(self) -> int:
        return self.budget - self._reserved_bytes(self.slabs) - self.prefix_bytes

    def _reserved_bytes(self, pages: Iterable[KVSlab]) -> int:
        return sum(page.slot_count * page.capacity for page in pages) * self.token_bytes


def _flat(key: Hashable) -> Iterator[Hashable]:
    """What a key holds, of tuples in tuples too."""
    if isinstance(key, tuple):
        for part in key:
            yield from _flat(part)
    else:
        yield key


def capacity_for(tokens: int) -> int:
    """The capacity of the slots for rows of at most so many tokens: the next power of two."""
    return max(MIN_CAPACITY, 1 << (tokens - 1).bit_length())
