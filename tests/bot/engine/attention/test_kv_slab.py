"""KV slabs: memory on first use, and no NaN behind a slot that was freed."""

import torch

from bot.engine.attention.kv_cache import MIN_CAPACITY, KVCache
from bot.engine.attention.kv_slab import KVSlab
from tests.bot.engine.attention.kv_slots import SLAB_BYTES, TOKEN_BYTES, allocated, read, write


def test_a_slab_takes_no_memory_before_it_is_written() -> None:
    assert KVSlab(16, MIN_CAPACITY).bytes == 0


@torch.inference_mode()
def test_a_slot_that_is_wiped_leaves_zeros_and_the_other_slots_as_they_are() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    slots = allocated(cache, MIN_CAPACITY, 3)
    for first, one in enumerate(slots):
        write(one, list(range(1000 * first, 1000 * first + 10 * (3 - first))))
    for tensor in slots[0].slab.layers.values():
        tensor[:, 0, :, :30] = float("nan")
    cache.free(slots[0], wipe=range(30))
    assert [read(one) for one in slots[1:]] == [list(range(1000, 1020)), list(range(2000, 2010))]
    assert all(bool(tensor.isfinite().all()) for tensor in slots[1].slab.layers.values())


@torch.inference_mode()
def test_a_slot_that_moves_leaves_zeros_behind() -> None:
    cache = KVCache(4 * SLAB_BYTES, TOKEN_BYTES)
    first, last = allocated(cache, MIN_CAPACITY, 2)
    write(first, [1])
    write(last, list(range(20)))
    cache.free(first)
    assert read(last) == list(range(20))
    assert all(bool((tensor[:, 1] == 0).all()) for tensor in last.slab.layers.values())


@torch.inference_mode()
def test_a_slot_is_copied_from_a_token_on_also_to_another_slab() -> None:
    cache = KVCache(40 * SLAB_BYTES, TOKEN_BYTES)
    source, near = allocated(cache, MIN_CAPACITY, 2)
    (far,) = allocated(cache, 2 * MIN_CAPACITY)
    write(source, list(range(20)))
    write(near, list(range(1000, 1030)))
    cache.copy_slot(source, near, 5)
    cache.copy_slot(source, far)
    assert [read(near), read(far), read(source)] == [[*range(1000, 1005), *range(5, 20)], *2 * [[*range(20)]]]
