"""The KV cache against a plain model: every slot holds its own tokens, every key its own prefix."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from bot.engine.attention.kv_cache import MIN_CAPACITY, SLAB_TOKENS, KVCache
from bot.engine.attention.kv_slab import KVSlot
from tests.bot.engine.attention.kv_slots import SLAB_BYTES, TOKEN_BYTES, read, write


@dataclass(eq=False)
class Twin:
    """The tokens that a slot should hold."""

    slot: KVSlot
    most: int
    ids: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)


class CacheModel(RuleBasedStateMachine):
    """A cache with room for four slabs beside a plain model of it. Ids repeat, values never do."""

    twins = Bundle("twins")
    keys = st.tuples(st.sampled_from("pqr"), st.sampled_from((None, "a", "b")), st.sampled_from((1.0, 0.5)))
    ids = st.lists(st.integers(0, 1), min_size=1, max_size=40)

    def __init__(self) -> None:
        super().__init__()
        self.cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
        self.alive: list[Twin] = []
        self.stored: dict[Hashable, tuple[list[int], list[int]]] = {}  # oldest first
        self.numbers = count()

    def drop_oldest(self) -> None:
        """The oldest prefixes were dropped first; the model follows."""
        there = list(self.cache.prefixes)
        assert there == list(self.stored)[len(self.stored) - len(there) :]
        self.stored = {key: self.stored[key] for key in there}

    @rule(
        target=twins,
        tokens=st.sampled_from([1, 40, MIN_CAPACITY, MIN_CAPACITY + 1, 1000, SLAB_TOKENS, 2 * SLAB_TOKENS]),
        slots=st.integers(1, 3),
    )
    def allocate(self, tokens: int, slots: int) -> Any:
        used = sum(len(slab.used_slots) * slab.capacity for slab in self.cache.slabs)
        needed = slots * -(-tokens // MIN_CAPACITY) * MIN_CAPACITY
        found = self.cache.allocate(tokens, slots)
        assert found is not None or (used + needed) * TOKEN_BYTES > self.cache.budget
        if found is None:
            assert list(self.cache.prefixes) == list(self.stored)
            return multiple()
        self.drop_oldest()
        assert len(found) == slots
        assert all(slot.length == 0 and slot.slab.capacity >= tokens for slot in found)
        made = [Twin(slot, tokens) for slot in found]
        self.alive += made
        return multiple(*made)

    @rule(twin=twins, ids=ids, times=st.sampled_from([1, 7, 100]))
    def add(self, twin: Twin, ids: list[int], times: int) -> None:
        ids = (ids * times)[: twin.most - len(twin.ids)]
        values = [next(self.numbers) for _ in ids]
        write(twin.slot, values)
        twin.ids += ids
        twin.values += values

    @rule(twin=consumes(twins))
    def free(self, twin: Twin) -> None:
        self.alive.remove(twin)
        self.cache.free(twin.slot)

    @rule(twin=twins, other=twins)
    def copy(self, twin: Twin, other: Twin) -> None:
        if not other.ids and len(twin.ids) <= other.most:
            self.cache.copy_slot(twin.slot, other.slot)
            other.ids, other.values = list(twin.ids), list(twin.values)

    @rule(twin=twins, key=keys, more=st.integers(0, 2))
    def store_prefix(self, twin: Twin, key: Hashable, more: int) -> None:
        self.cache.store_prefix(key, [*twin.ids, *[7] * more], twin.slot)
        self.stored.pop(key, None)
        small = len(twin.ids) * TOKEN_BYTES <= self.cache.budget // 2
        reserved = sum(len(slab.used_slots) * slab.capacity for slab in self.cache.slabs) * TOKEN_BYTES
        if small and reserved + len(twin.ids) * TOKEN_BYTES <= self.cache.budget:
            self.stored[key] = (list(twin.ids), list(twin.values))
            assert key in self.cache.prefixes
        self.drop_oldest()

    @rule(twin=twins, key=keys, ids=ids, same=st.integers(0, 3000))
    def load_prefix(self, twin: Twin, key: Hashable, ids: list[int], same: int) -> None:
        if twin.ids or key not in self.stored:
            return
        was, values = self.stored[key]
        wanted = [*was[:same], *ids][: twin.most]
        matching = (n for n, pair in enumerate(zip(was, wanted, strict=False)) if pair[0] != pair[1])
        common = min(next(matching, min(len(was), len(wanted))), len(wanted) - 1)
        assert self.cache.load_prefix([key], wanted, twin.slot) == common
        twin.ids, twin.values = wanted[:common], values[:common]
        if common:
            self.stored[key] = self.stored.pop(key)

    @rule(twin=twins, key=keys, ids=ids)
    def load_an_unknown_prefix(self, twin: Twin, key: Hashable, ids: list[int]) -> None:
        if not twin.ids and key not in self.stored:
            assert self.cache.load_prefix([key], ids, twin.slot) == 0

    @rule(wanted=st.sampled_from(("p", "q", "r", "a", "b")))
    def drop_prefixes(self, wanted: str) -> None:
        self.cache.drop_prefixes(wanted)
        self.stored = {key: value for key, value in self.stored.items() if wanted not in key}  # type: ignore[operator]
        assert list(self.cache.prefixes) == list(self.stored)

    @rule()
    def release_unused(self) -> None:
        self.cache.release_unused()
        self.stored = {}
        assert all(slab.used_slots for slab in self.cache.slabs)

    @invariant()
    def every_slot_holds_its_own_tokens(self) -> None:
        for twin in self.alive:
            assert twin.slot.length == len(twin.values)
            assert read(twin.slot) == twin.values

    @invariant()
    def slots_are_compact(self) -> None:
        found = [slot for slab in self.cache.slabs for slot in slab.used_slots]
        assert {id(slot) for slot in found} == {id(twin.slot) for twin in self.alive}
        for slab in self.cache.slabs:
            assert [slot.index for slot in slab.used_slots] == list(range(len(slab.used_slots)))
            assert all(slot.slab is slab for slot in slab.used_slots)
            assert len(slab.used_slots) <= slab.slot_count

    @invariant()
    def the_budget_is_never_exceeded(self) -> None:
        reserved = sum(slab.slot_count * slab.capacity for slab in self.cache.slabs) * TOKEN_BYTES
        assert self.cache.slab_bytes <= reserved
        assert reserved + self.cache.prefix_bytes <= self.cache.budget

    @invariant()
    def stored_prefixes_are_whole(self) -> None:
        assert list(self.cache.prefixes) == list(self.stored)
        assert self.cache.prefix_bytes == sum(len(ids) for ids, _ in self.stored.values()) * TOKEN_BYTES


TestCache = CacheModel.TestCase
TestCache.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
