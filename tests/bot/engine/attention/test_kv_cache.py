"""Keys and values against a plain model: every row reads its own, and places get back only what is theirs."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from bot.engine.attention.kv_cache import MIN_CAPACITY, MIN_SHARED_TOKENS, SLAB_TOKENS, KVCache, capacity_for
from bot.engine.attention.kv_slab import KVSlab, KVSlot

LAYERS, HEADS, SIZE = (0, 1), 2, 2
TOKEN_BYTES = len(LAYERS) * 2 * HEADS * SIZE * 4
PAGE_BYTES = SLAB_TOKENS * TOKEN_BYTES
IDS = tuple(range(SLAB_TOKENS))


@torch.inference_mode()
def write(row: KVSlot, values: list[int]) -> None:
    """Add tokens to a row as a step does; each value stands in all of its token's keys and values."""
    end = row.length + len(values)
    for layer in LAYERS:
        tensor = row.slab.layer_tensor(layer, torch.zeros(1, HEADS, SIZE))
        marks = torch.tensor(values, dtype=torch.float32) * 2 + layer
        tensor[:, row.index, :, row.length : end] = marks[:, None]
    row.length = end


def read(row: KVSlot) -> list[int]:
    """The values of a row's tokens, which must be the same in all places of theirs."""
    whole = row.slab.read_slot(row)
    if not whole:
        assert row.length == 0
        return []
    marks = [tensor - layer for layer, tensor in whole.items()]
    first = marks[0][0, 0, :, 0]
    assert all(bool((mark == first[:, None]).all()) for mark in marks)
    return [int(value) // 2 for value in first.tolist()]


def entered(cache: KVCache, tokens: int, rows: int = 1) -> list[KVSlot]:
    found = cache.allocate(tokens, rows)
    assert found is not None
    return found


def filled(cache: KVCache, first: int, tokens: int) -> KVSlot:
    """A row that holds so many tokens, from a value on."""
    (row,) = entered(cache, tokens)
    write(row, list(range(first, first + tokens)))
    return row


@dataclass(eq=False)
class Twin:
    """What a row should hold."""

    row: KVSlot
    most: int
    ids: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)


class Twins(RuleBasedStateMachine):
    """A cache with room for four pages beside a plain model of it. Ids repeat, values never do."""

    twins = Bundle("twins")
    keys = st.tuples(st.sampled_from("pqr"), st.sampled_from((None, "a", "b")), st.sampled_from((1.0, 0.5)))
    ids = st.lists(st.integers(0, 1), min_size=1, max_size=40)

    def __init__(self) -> None:
        super().__init__()
        self.cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
        self.alive: list[Twin] = []
        self.kept: dict[Hashable, tuple[list[int], list[int]]] = {}  # oldest first
        self.numbers = count()

    def forgotten_but_newest(self) -> None:
        """Whatever had to make room, the oldest went first; the model follows."""
        there = list(self.cache.prefixes)
        assert there == list(self.kept)[len(self.kept) - len(there) :]
        self.kept = {key: self.kept[key] for key in there}

    @rule(
        target=twins,
        tokens=st.sampled_from([1, 40, MIN_CAPACITY, MIN_CAPACITY + 1, 1000, SLAB_TOKENS, 2 * SLAB_TOKENS]),
        rows=st.integers(1, 3),
    )
    def enter(self, tokens: int, rows: int) -> Any:
        held = (
            sum(page.slot_count * page.capacity for page in self.cache.slabs if page.used_slots) * TOKEN_BYTES
        )
        slots = max(1, SLAB_TOKENS // capacity_for(tokens))
        alike = [
            page for page in self.cache.slabs if page.capacity == capacity_for(tokens) and page.used_slots
        ]
        missing = max(0, rows - sum(page.slot_count - len(page.used_slots) for page in alike))
        fresh = -(-missing // slots) * slots * capacity_for(tokens) * TOKEN_BYTES
        found = self.cache.allocate(tokens, rows)
        assert (found is not None) == (held + fresh <= self.cache.budget)
        if found is None:
            assert list(self.cache.prefixes) == list(self.kept)
            return multiple()
        self.forgotten_but_newest()
        assert len(found) == rows
        assert all(row.length == 0 and row.slab.capacity >= tokens for row in found)
        made = [Twin(row, tokens) for row in found]
        self.alive += made
        return multiple(*made)

    @rule(twin=twins, ids=ids, times=st.sampled_from([1, 7, 100]))
    def add(self, twin: Twin, ids: list[int], times: int) -> None:
        ids = (ids * times)[: twin.most - len(twin.ids)]
        values = [next(self.numbers) for _ in ids]
        write(twin.row, values)
        twin.ids += ids
        twin.values += values

    @rule(twin=consumes(twins))
    def leave(self, twin: Twin) -> None:
        self.alive.remove(twin)
        self.cache.free(twin.row)

    @rule(twin=twins, other=twins)
    def copy(self, twin: Twin, other: Twin) -> None:
        if not other.ids and len(twin.ids) <= other.most:
            self.cache.copy_slot(twin.row, other.row)
            other.ids, other.values = list(twin.ids), list(twin.values)

    @rule(twin=twins, key=keys, more=st.integers(0, 2))
    def keep(self, twin: Twin, key: Hashable, more: int) -> None:
        self.cache.store_prefix(key, [*twin.ids, *[7] * more], twin.row)
        self.kept.pop(key, None)
        small = len(twin.ids) * TOKEN_BYTES <= self.cache.budget // 2
        reserved = (
            sum(page.slot_count * page.capacity for page in self.cache.slabs if page.used_slots) * TOKEN_BYTES
        )
        if small and reserved + len(twin.ids) * TOKEN_BYTES <= self.cache.budget:
            self.kept[key] = (list(twin.ids), list(twin.values))
            assert key in self.cache.prefixes
        self.forgotten_but_newest()

    @rule(twin=twins, key=keys, ids=ids, same=st.integers(0, 3000))
    def recall(self, twin: Twin, key: Hashable, ids: list[int], same: int) -> None:
        if twin.ids or key not in self.kept:
            return
        was, values = self.kept[key]
        wanted = [*was[:same], *ids][: twin.most]
        matching = (n for n, pair in enumerate(zip(was, wanted, strict=False)) if pair[0] != pair[1])
        common = min(next(matching, min(len(was), len(wanted))), len(wanted) - 1)
        assert self.cache.load_prefix([key], wanted, twin.row) == common
        twin.ids, twin.values = wanted[:common], values[:common]
        if common:
            self.kept[key] = self.kept.pop(key)

    @rule(twin=twins, key=keys, ids=ids)
    def recall_in_vain(self, twin: Twin, key: Hashable, ids: list[int]) -> None:
        if not twin.ids and key not in self.kept:
            assert self.cache.load_prefix([key], ids, twin.row) == 0

    @rule(wanted=st.sampled_from(("p", "q", "r", "a", "b")))
    def forget(self, wanted: str) -> None:
        self.cache.drop_prefixes(wanted)
        self.kept = {key: value for key, value in self.kept.items() if wanted not in key}  # type: ignore[operator]
        assert list(self.cache.prefixes) == list(self.kept)

    @rule()
    def shrink(self) -> None:
        self.cache.release_unused()
        self.kept = {}
        assert all(page.used_slots for page in self.cache.slabs)

    @invariant()
    def every_row_holds_its_own(self) -> None:
        for twin in self.alive:
            assert twin.row.length == len(twin.values)
            assert read(twin.row) == twin.values

    @invariant()
    def slots_are_compact(self) -> None:
        found = [row for page in self.cache.slabs for row in page.used_slots]
        assert {id(row) for row in found} == {id(twin.row) for twin in self.alive}
        for page in self.cache.slabs:
            assert [row.index for row in page.used_slots] == list(range(len(page.used_slots)))
            assert all(row.slab is page for row in page.used_slots)
            assert len(page.used_slots) <= page.slot_count

    @invariant()
    def the_budget_is_never_exceeded(self) -> None:
        reserved = sum(page.slot_count * page.capacity for page in self.cache.slabs) * TOKEN_BYTES
        assert self.cache.slab_bytes <= reserved
        assert reserved + self.cache.prefix_bytes <= self.cache.budget

    @invariant()
    def what_is_remembered_is_whole(self) -> None:
        assert list(self.cache.prefixes) == list(self.kept)
        assert self.cache.prefix_bytes == sum(len(ids) for ids, _ in self.kept.values()) * TOKEN_BYTES


TestCache = Twins.TestCase
TestCache.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(
    ("tokens", "capacity"), [(1, 256), (255, 256), (256, 256), (257, 512), (4096, 4096), (4097, 8192)]
)
def test_a_slot_holds_the_next_power_of_two(tokens: int, capacity: int) -> None:
    assert capacity_for(tokens) == capacity


def test_the_last_id_is_never_recalled() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, 30))
    (row,) = entered(cache, 40)
    assert cache.load_prefix(["k"], IDS[:30], row) == 29
    assert read(row) == list(range(29))


def test_only_a_common_beginning_is_recalled() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, 30))
    rows = entered(cache, 40, 2)
    assert cache.load_prefix(["k"], (*IDS[:12], 99, *IDS[13:40]), rows[0]) == 12
    assert cache.load_prefix(["k"], (99, *IDS[1:40]), rows[1]) == 0
    assert [read(row) for row in rows] == [list(range(12)), []]


def test_the_most_that_is_remembered_under_any_key_is_recalled() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    cache.store_prefix("short", IDS, filled(cache, 0, 30))
    cache.store_prefix("long", IDS, filled(cache, 100, 40))
    (row,) = entered(cache, 60)
    assert cache.load_prefix(["none", "short", "long", "short"], IDS[:50], row) == 40
    assert read(row) == list(range(100, 140))


def test_a_shared_beginning_holds_its_own_ids_only() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    row = filled(cache, 0, MIN_SHARED_TOKENS + 20)
    cache.store_shared_prefix("under", IDS[:MIN_SHARED_TOKENS], row)
    assert read(row) == list(range(MIN_SHARED_TOKENS + 20))
    (other,) = entered(cache, 60)
    assert cache.load_prefix([("under", IDS[:MIN_SHARED_TOKENS])], IDS[:60], other) == MIN_SHARED_TOKENS
    assert read(other) == list(range(MIN_SHARED_TOKENS))


def test_a_beginning_that_is_short_or_not_yet_read_is_not_shared() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    cache.store_shared_prefix("under", IDS[: MIN_SHARED_TOKENS - 1], filled(cache, 0, MIN_SHARED_TOKENS))
    cache.store_shared_prefix("under", IDS[: MIN_SHARED_TOKENS + 1], filled(cache, 0, MIN_SHARED_TOKENS))
    assert list(cache.prefixes) == []


def test_a_thing_inside_a_key_inside_a_key_is_forgotten() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    for known in "ab":
        cache.store_shared_prefix((known, 1.0), IDS[:MIN_SHARED_TOKENS], filled(cache, 0, MIN_SHARED_TOKENS))
    cache.drop_prefixes("a")
    assert list(cache.prefixes) == [(("b", 1.0), IDS[:MIN_SHARED_TOKENS])]


def test_what_was_recalled_last_is_dropped_last() -> None:
    cache = KVCache(2 * PAGE_BYTES, TOKEN_BYTES)
    for first, key in enumerate("abc"):
        row = filled(cache, 1000 * first, 1000)
        cache.store_prefix(key, IDS, row)
        cache.free(row)
    (row,) = entered(cache, 1000)
    assert cache.load_prefix(["a"], IDS[:1000], row) == 999
    cache.store_prefix("d", IDS, filled(cache, 0, 1000))
    cache.store_prefix("e", IDS, filled(cache, 0, 1000))
    assert list(cache.prefixes) == ["c", "a", "d", "e"]


def test_what_would_fill_half_the_budget_is_not_remembered() -> None:
    cache = KVCache(2 * PAGE_BYTES, TOKEN_BYTES)
    row = filled(cache, 0, SLAB_TOKENS)
    cache.store_prefix("k", IDS, row)
    assert list(cache.prefixes) == ["k"]
    cache = KVCache(2 * PAGE_BYTES - 2, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, SLAB_TOKENS))
    assert list(cache.prefixes) == []


def test_a_row_keeps_its_own_when_what_it_recalled_is_forgotten() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    cache.store_prefix(("p", None), IDS, filled(cache, 0, 30))
    (row,) = entered(cache, 40)
    cache.load_prefix([("p", None)], IDS[:40], row)
    cache.drop_prefixes("p")
    assert read(row) == list(range(30))
    assert cache.prefix_bytes == 0


def test_a_request_that_must_wait_makes_nothing_forgotten() -> None:
    cache = KVCache(2 * PAGE_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, 30))
    assert cache.allocate(SLAB_TOKENS, 2) is None
    assert list(cache.prefixes) == ["k"]


@pytest.mark.parametrize(
    ("tokens", "rows", "fits"),
    [
        (SLAB_TOKENS, 2, True),
        (SLAB_TOKENS, 3, False),
        (2 * SLAB_TOKENS, 1, True),
        (2 * SLAB_TOKENS, 2, False),
        (1, 32, True),
        (1, 33, False),
    ],
)
def test_what_could_never_run_is_known(tokens: int, rows: int, fits: bool) -> None:
    cache = KVCache(2 * PAGE_BYTES, TOKEN_BYTES)
    assert cache.fits_budget(tokens, rows) == fits
    assert (cache.allocate(tokens, rows) is not None) == fits


def test_a_page_that_nobody_uses_makes_room_before_anything_is_forgotten() -> None:
    cache = KVCache(2 * PAGE_BYTES, TOKEN_BYTES)
    row = filled(cache, 0, 30)
    cache.store_prefix("k", IDS, row)
    cache.free(row)
    entered(cache, 1000)
    assert list(cache.prefixes) == ["k"]
    assert [page.capacity for page in cache.slabs] == [1024]


def test_what_a_token_takes_is_learnt_from_the_first_row() -> None:
    cache = KVCache(4 * PAGE_BYTES)
    cache.free(filled(cache, 0, 3))
    assert cache.token_bytes == TOKEN_BYTES


def test_a_page_takes_no_memory_before_it_is_written() -> None:
    assert KVSlab(16, MIN_CAPACITY).bytes == 0


@torch.inference_mode()
def test_a_row_that_may_hold_no_numbers_leaves_zeros_and_the_others_as_they_are() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    rows = entered(cache, MIN_CAPACITY, 3)
    for first, one in enumerate(rows):
        write(one, list(range(1000 * first, 1000 * first + 10 * (3 - first))))
    for tensor in rows[0].slab.layers.values():
        tensor[:, 0, :, :30] = float("nan")
    cache.free(rows[0], wipe=30)
    assert [read(one) for one in rows[1:]] == [list(range(1000, 1020)), list(range(2000, 2010))]
    assert all(bool(tensor.isfinite().all()) for tensor in rows[1].slab.layers.values())


@torch.inference_mode()
def test_a_row_that_moves_leaves_zeros_behind() -> None:
    cache = KVCache(4 * PAGE_BYTES, TOKEN_BYTES)
    first, last = entered(cache, MIN_CAPACITY, 2)
    write(first, [1])
    write(last, list(range(20)))
    cache.free(first)
    assert read(last) == list(range(20))
    assert all(bool((tensor[:, 1] == 0).all()) for tensor in last.slab.layers.values())


def test_an_empty_page_that_is_about_to_be_used_does_not_make_room() -> None:
    cache = KVCache(2 * PAGE_BYTES, TOKEN_BYTES)
    for row in (filled(cache, 0, SLAB_TOKENS), filled(cache, 0, 1)):
        cache.free(row)
    rows = entered(cache, SLAB_TOKENS, 2)
    assert [row.slab for row in rows] == cache.slabs
