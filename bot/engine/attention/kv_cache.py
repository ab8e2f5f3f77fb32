"""All keys and values within a budget: pages for running rows, tight copies for places at rest."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bot.engine.attention.kv_slab import KVSlab, KVSlot
from bot.token_prefix import common_prefix

PAGE = 4096  # tokens that a page holds: 16 slots of 256, one of 4,096
SHORTEST = 256  # tokens of the smallest slots
WORTH = 32  # tokens from which a shared beginning is remembered


@dataclass(frozen=True, slots=True)
class PrefixCacheEntry:
    """The keys and values of a sequence whose row is gone."""

    ids: tuple[int, ...]
    layers: dict[int, Tensor]

    @property
    def bytes(self) -> int:
        """What its tensors take."""
        return sum(tensor.nbytes for tensor in self.layers.values())

    def common(self, ids: Sequence[int]) -> int:
        """How many of the first ids are the same."""
        return common_prefix(self.ids, ids)


@dataclass(slots=True)
class KVCache:
    """All keys and values, within a budget of bytes. Running rows come first; what is kept makes room.

    `token_bytes` is what one token takes over all layers; it is known once a row was written.
    """

    budget: int
    token_bytes: int = 0
    pages: list[KVSlab] = field(default_factory=list)
    kept: OrderedDict[Hashable, PrefixCacheEntry] = field(default_factory=OrderedDict)

    @torch.inference_mode()
    def enter(self, tokens: int, rows: int = 1) -> list[KVSlot] | None:
        """Slots for so many rows of at most so many tokens, or None while there is no room for all."""
        capacity = capacity_for(tokens)
        free = [page for page in self.pages if page.capacity == capacity and len(page.rows) < page.slots]
        missing = rows - sum(page.slots - len(page.rows) for page in free)
        slots = max(1, PAGE // capacity)
        fresh = max(0, -(-missing // slots))
        if not self._make_room(fresh * slots * capacity * self.token_bytes, keep=free):
            return None
        made = [KVSlab(slots, capacity) for _ in range(fresh)]
        self.pages += made
        places = [page for page in (*free, *made) for _ in range(page.slots - len(page.rows))]
        return [page.enter() for page in places[:rows]]

    @torch.inference_mode()
    def leave(self, row: KVSlot, wipe: int = 0) -> None:
        """Give a row's slot back; the page stays for the next rows until its bytes are wanted.

        `wipe` is how many first tokens may hold keys and values that are no numbers.
        """
        row.page.leave(row, wipe)
        if self.token_bytes == 0:
            self.token_bytes = row.page.bytes // (row.page.slots * row.page.capacity)

    @torch.inference_mode()
    def copy(self, row: KVSlot, target: KVSlot) -> None:
        """Give another row the same beginning."""
        target.page.write(target, row.page.read(row), row.length)

    @torch.inference_mode()
    def keep(self, key: Hashable, ids: Sequence[int], row: KVSlot) -> None:
        """Remember a row's tokens under a key, unless they alone would fill half the budget."""
        self.kept.pop(key, None)
        size = row.length * self.token_bytes
        if size <= self.budget // 2 and self._make_room(size, keep=()):
            self.kept[key] = PrefixCacheEntry(tuple(ids[: row.length]), row.page.read(row))

    @torch.inference_mode()
    def recall(self, keys: Sequence[Hashable], ids: Sequence[int], row: KVSlot) -> int:
        """Fill a fresh row with the most that is remembered of these ids under one of the keys.

        Returns of how many; one is always left, since the next token comes from it.
        """
        found = [(self.kept[key].common(ids), key) for key in keys if key in self.kept]
        common, key = max(found, key=lambda pair: pair[0], default=(0, None))
        if common := min(common, len(ids) - 1):
            self.kept.move_to_end(key)
            row.page.write(row, self.kept[key].layers, common)
        return common

    @torch.inference_mode()
    def share(self, key: Hashable, ids: Sequence[int], row: KVSlot) -> None:
        """Remember the first ids of a row for other places, under a key that names them."""
        if len(ids) >= WORTH and (key, tuple(ids)) not in self.kept and row.length >= len(ids):
            whole, row.length = row.length, len(ids)
            self.keep((key, tuple(ids)), ids, row)
            row.length = whole

    def forget(self, wanted: Hashable = None) -> None:
        """Drop what is remembered under keys that hold `wanted`, or everything."""
        for key in list(self.kept):
            if wanted is None or wanted in _flat(key):
                del self.kept[key]

    def shrink(self) -> bool:
        """Give back everything that no running row needs; returns whether there was any such thing."""
        spare = bool(self.kept) or not all(page.rows for page in self.pages)
        self.kept.clear()
        self.pages = [page for page in self.pages if page.rows]
        return spare

    @property
    def running_bytes(self) -> int:
        """What the pages take at most."""
        return sum(page.bytes for page in tuple(self.pages))

    @property
    def kept_bytes(self) -> int:
        """What is remembered of places at rest."""
        return sum(kept.bytes for kept in tuple(self.kept.values()))

    def fits(self, tokens: int, rows: int) -> bool:
        """Whether so many rows of so many tokens could ever run."""
        capacity = capacity_for(tokens)
        slots = max(1, PAGE // capacity)
        return -(-rows // slots) * slots * capacity * self.token_bytes <= self.budget

    def _make_room(self, size: int, keep: Sequence[KVSlab]) -> bool:
        """Drop empty pages, then what is remembered, oldest first, until so many bytes are free.

        Nothing is dropped where all of it would not be enough.
        """
        if self.budget - self._reserved(page for page in self.pages if page.rows or page in keep) < size:
            return False
        while self._free() < size:
            empty = next((page for page in self.pages if not page.rows and page not in keep), None)
            if empty is not None:
                self.pages.remove(empty)
            else:
                self.kept.popitem(last=False)
        return True

    def _free(self) -> int:
        return self.budget - self._reserved(self.pages) - self.kept_bytes

    def _reserved(self, pages: Iterable[KVSlab]) -> int:
        return sum(page.slots * page.capacity for page in pages) * self.token_bytes


def _flat(key: Hashable) -> Iterator[Hashable]:
    """What a key holds, of tuples in tuples too."""
    if isinstance(key, tuple):
        for part in key:
            yield from _flat(part)
    else:
        yield key


def capacity_for(tokens: int) -> int:
    """The capacity of the slots for rows of at most so many tokens: the next power of two."""
    return max(SHORTEST, 1 << (tokens - 1).bit_length())
