"""KV slots whose contents tests can tell: every token has a value of its own."""

import torch

from bot.engine.attention.kv_cache import SLAB_TOKENS, KVCache
from bot.engine.attention.kv_slab import KVSlot

LAYERS, HEADS, SIZE = (0, 1), 2, 2
TOKEN_BYTES = len(LAYERS) * 2 * HEADS * SIZE * 4
SLAB_BYTES = SLAB_TOKENS * TOKEN_BYTES
IDS = tuple(range(SLAB_TOKENS))


@torch.inference_mode()
def write(slot: KVSlot, values: list[int]) -> None:
    """Append tokens to a slot as a forward pass does; each value fills its token's keys and values."""
    end = slot.length + len(values)
    for layer in LAYERS:
        tensor = slot.slab.layer_tensor(layer, torch.zeros(1, HEADS, SIZE))
        marks = torch.tensor(values, dtype=torch.float32) * 2 + layer
        tensor[:, slot.index, :, slot.length : end] = marks[:, None]
    slot.length = end


def read(slot: KVSlot) -> list[int]:
    """Return the values of a slot's tokens, which must be equal in all their keys and values."""
    whole = slot.slab.read_slot(slot, slot.length)
    if not whole:
        assert slot.length == 0
        return []
    marks = [tensor - layer for layer, tensor in whole.items()]
    first = marks[0][0, 0, :, 0]
    assert all(bool((mark == first[:, None]).all()) for mark in marks)
    return [int(value) // 2 for value in first.tolist()]


def allocated(cache: KVCache, tokens: int, slots: int = 1) -> list[KVSlot]:
    found = cache.allocate(tokens, slots)
    assert found is not None
    return found


def filled(cache: KVCache, first: int, tokens: int) -> KVSlot:
    """Return a slot of `tokens` tokens with the values first, first + 1, .."""
    (slot,) = allocated(cache, tokens)
    write(slot, list(range(first, first + tokens)))
    return slot
