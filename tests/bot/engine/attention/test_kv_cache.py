"""The KV cache: prefixes by key and ids, slots within a budget, the oldest prefix dropped first."""

import pytest

from bot.engine.attention.kv_cache import MIN_SHARED_TOKENS, SLAB_TOKENS, KVCache, capacity_for
from tests.bot.engine.attention.kv_slots import IDS, SLAB_BYTES, TOKEN_BYTES, allocated, filled, read


@pytest.mark.parametrize(
    ("tokens", "capacity"), [(1, 256), (255, 256), (256, 256), (257, 512), (4096, 4096), (4097, 8192)]
)
def test_a_slot_holds_the_next_power_of_two(tokens: int, capacity: int) -> None:
    assert capacity_for(tokens) == capacity


def test_the_last_id_is_never_loaded_from_a_prefix() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, 30))
    (slot,) = allocated(cache, 40)
    assert cache.load_prefix(["k"], IDS[:30], slot) == 29
    assert read(slot) == list(range(29))


def test_only_the_common_prefix_is_loaded() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, 30))
    slots = allocated(cache, 40, 2)
    assert cache.load_prefix(["k"], (*IDS[:12], 99, *IDS[13:40]), slots[0]) == 12
    assert cache.load_prefix(["k"], (99, *IDS[1:40]), slots[1]) == 0
    assert [read(slot) for slot in slots] == [list(range(12)), []]


def test_the_longest_prefix_under_any_key_is_loaded() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_prefix("short", IDS, filled(cache, 0, 30))
    cache.store_prefix("long", IDS, filled(cache, 100, 40))
    (slot,) = allocated(cache, 60)
    assert cache.load_prefix(["none", "short", "long", "short"], IDS[:50], slot) == 40
    assert read(slot) == list(range(100, 140))


def test_a_shared_prefix_holds_its_own_ids_only() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    slot = filled(cache, 0, MIN_SHARED_TOKENS + 20)
    cache.store_shared_prefix("under", IDS[:MIN_SHARED_TOKENS], slot)
    assert read(slot) == list(range(MIN_SHARED_TOKENS + 20))
    (other,) = allocated(cache, 60)
    assert cache.load_prefix([("under", IDS[:MIN_SHARED_TOKENS])], IDS[:60], other) == MIN_SHARED_TOKENS
    assert read(other) == list(range(MIN_SHARED_TOKENS))


def test_a_prefix_that_is_short_or_not_yet_computed_is_not_shared() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_shared_prefix("under", IDS[: MIN_SHARED_TOKENS - 1], filled(cache, 0, MIN_SHARED_TOKENS))
    cache.store_shared_prefix("under", IDS[: MIN_SHARED_TOKENS + 1], filled(cache, 0, MIN_SHARED_TOKENS))
    assert list(cache.prefixes) == []


def test_a_prefix_is_dropped_by_a_part_of_a_nested_key() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    for name in "ab":
        cache.store_shared_prefix((name, 1.0), IDS[:MIN_SHARED_TOKENS], filled(cache, 0, MIN_SHARED_TOKENS))
    cache.drop_prefixes("a")
    assert list(cache.prefixes) == [(("b", 1.0), IDS[:MIN_SHARED_TOKENS])]


def test_the_prefix_that_was_loaded_last_is_dropped_last() -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    for first, key in enumerate("abc"):
        slot = filled(cache, 1000 * first, 1000)
        cache.store_prefix(key, IDS, slot)
        cache.free(slot)
    slot, _ = allocated(cache, 1000, 2)
    assert cache.load_prefix(["a"], IDS[:1000], slot) == 999
    cache.store_prefix("d", IDS, filled(cache, 0, 1000))
    cache.store_prefix("e", IDS, filled(cache, 0, 1000))
    assert list(cache.prefixes) == ["c", "a", "d", "e"]


def test_a_prefix_that_would_fill_half_the_budget_is_not_stored() -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    slot = filled(cache, 0, SLAB_TOKENS)
    cache.store_prefix("k", IDS, slot)
    assert list(cache.prefixes) == ["k"]
    cache = KVCache(2 * SLAB_BYTES - 2, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, SLAB_TOKENS))
    assert list(cache.prefixes) == []


def test_a_slot_keeps_its_tokens_when_the_prefix_that_filled_it_is_dropped() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_prefix(("p", None), IDS, filled(cache, 0, 30))
    (slot,) = allocated(cache, 40)
    cache.load_prefix([("p", None)], IDS[:40], slot)
    cache.drop_prefixes("p")
    assert read(slot) == list(range(30))
    assert cache.prefix_bytes == 0


def test_an_allocation_that_fails_drops_no_prefix() -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, filled(cache, 0, 30))
    assert cache.allocate(SLAB_TOKENS, 2) is None
    assert list(cache.prefixes) == ["k"]


@pytest.mark.parametrize(
    ("tokens", "slots", "fits"),
    [
        (SLAB_TOKENS, 2, True),
        (SLAB_TOKENS, 3, False),
        (2 * SLAB_TOKENS, 1, True),
        (2 * SLAB_TOKENS, 2, False),
        (1, 32, True),
        (1, 33, False),
    ],
)
def test_slots_that_never_fit_the_budget_are_known(tokens: int, slots: int, fits: bool) -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    assert cache.fits_budget(tokens, slots) == fits
    assert (cache.allocate(tokens, slots) is not None) == fits


def test_unused_slots_are_given_back_before_any_prefix() -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    cache.store_prefix("k", IDS, slot := filled(cache, 7, 30))
    allocated(cache, SLAB_TOKENS)
    assert ([slab.slot_count for slab in cache.slabs], list(cache.prefixes)) == ([1, 1], ["k"])
    assert read(slot) == list(range(7, 37))


@pytest.mark.parametrize(
    ("budget", "tokens", "shapes"),
    [(4096, 300, [(8, 512)]), (1500, 300, [(2, 512)]), (400, 256, [(1, 256)]), (3000, 2100, [(1, 2304)])],
)
def test_slabs_shrink_to_what_there_is(budget: int, tokens: int, shapes: list[tuple[int, int]]) -> None:
    cache = KVCache(budget * TOKEN_BYTES, TOKEN_BYTES)
    allocated(cache, tokens)
    assert [(slab.slot_count, slab.capacity) for slab in cache.slabs] == shapes


def test_a_larger_slot_serves_where_nothing_else_is_free() -> None:
    cache = KVCache(SLAB_BYTES, TOKEN_BYTES)
    first = allocated(cache, 2048)
    allocated(cache, 2048)
    assert cache.allocate(300) is None
    cache.free(first[0])
    allocated(cache, 1025)
    assert [len(slab.used_slots) for slab in cache.slabs] == [2]


def test_an_empty_slab_is_dropped_before_any_prefix() -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    slot = filled(cache, 0, 30)
    cache.store_prefix("k", IDS, slot)
    cache.free(slot)
    allocated(cache, 1000)
    assert list(cache.prefixes) == ["k"]
    assert [slab.capacity for slab in cache.slabs] == [1024]


def test_the_bytes_of_a_token_are_learnt_from_the_first_slot() -> None:
    cache = KVCache(4 * SLAB_BYTES)
    cache.free(filled(cache, 0, 3))
    assert cache.token_bytes == TOKEN_BYTES


def test_an_empty_slab_that_is_about_to_be_used_is_not_dropped() -> None:
    cache = KVCache(2 * SLAB_BYTES, TOKEN_BYTES)
    for slot in (filled(cache, 0, SLAB_TOKENS), filled(cache, 0, 1)):
        cache.free(slot)
    slots = allocated(cache, SLAB_TOKENS, 2)
    assert [slot.slab for slot in slots] == cache.slabs
