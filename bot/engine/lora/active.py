"""Active adapters: those of running requests, in LoRA slots of all linear layers.

A registered adapter takes no slot until a request runs under it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from bot.engine.lora.linear import LoraLinear, LoraPair
from bot.engine.lora.slot_image import SlotImage, make_image
from bot.engine.runtime.errors import is_out_of_memory

SLOTS_AT_ONCE = 4  # from so many slots on, that many more are reserved together
IDLE_STEPS = 1000  # steps in which half of the slots were of no use, before they are given back


@dataclass(frozen=True, eq=False, slots=True)
class LoadedAdapter:
    """An adapter in the dtype of its file, or prepared as `image`: then `pairs` has no entries.

    One that replaces another of its name is another object.
    """

    name: str
    pairs: Mapping[str, LoraPair]
    image: SlotImage | None = None
    rank: int = field(init=False)  # the largest of its ranks
    bytes: int = field(init=False)  # of its matrices

    def __post_init__(self) -> None:
        pairs, image = tuple(self.pairs.values()), self.image
        rank = max((pair.rank for pair in pairs), default=0)
        size = sum(pair.a.nbytes + pair.b.nbytes for pair in pairs)
        object.__setattr__(self, "rank", image.rank if image else rank)
        object.__setattr__(self, "bytes", image.buffer.nbytes if image else size)

    @property
    def modules(self) -> Collection[str]:
        """The names of the layers that it changes."""
        return self.image.modules if self.image else self.pairs.keys()


class ActiveAdapters:
    """The adapter of each LoRA slot. Slots in use come first; adapters that left last stay behind them.

    `limit` is the most bytes of all slots, None for no limit; one adapter always has room. `generation` grows
    whenever tensors of slots are replaced by others.
    """

    def __init__(self, layers: Iterable[LoraLinear], like: Tensor, limit: int | None = None) -> None:
        """`like` has the dtype and the device of the slots."""
        self._layers = tuple(layers)
        self._like, self.limit = like, limit
        self._adapters: list[LoadedAdapter | None] = []  # of every slot
        self._users: list[int] = []  # sequences of every slot in use
        self._rank = 0
        self._idle_steps = 0
        self.generation = 0

    @property
    def slot_count(self) -> int:
        """The LoRA slots that are reserved, in use or not."""
        return len(self._adapters)

    def prepare(self, adapter: LoadedAdapter) -> LoadedAdapter:
        """Return an adapter that becomes active by one copy to a graphics card; on a CPU, the same one.

        Any thread may call it, while others compute.
        """
        if self._like.device.type != "cuda":
            return adapter
        image = make_image(self._layers, adapter.pairs, adapter.rank, self._like.dtype)
        return replace(adapter, pairs={}, image=image)

    def has_room(self, adapter: LoadedAdapter) -> bool:
        """Return whether a request under this adapter may become active now, within `limit`."""
        if self.limit is None or not self._users or adapter in self._adapters[: len(self._users)]:
            return True
        return self._bytes_of(len(self._users) + 1, adapter) <= self.limit

    def activate(self, adapter: LoadedAdapter) -> None:
        """Count one more request under this adapter, and load the adapter into a slot if it has none."""
        if adapter in self._adapters[: len(self._users)]:
            self._users[self._adapters.index(adapter)] += 1
            return
        slot = len(self._users)
        if adapter in self._adapters:
            self._move(self._adapters.index(adapter), slot)
        else:
            self._load(adapter, slot)
        self._users.append(1)

    def deactivate(self, adapter: LoadedAdapter) -> None:
        """Count one request less; does nothing for an adapter whose load failed."""
        if adapter not in self._adapters[: len(self._users)]:
            return
        slot = self._adapters.index(adapter)
        self._users[slot] -= 1
        if self._users[slot] == 0:
            self._users[slot] = self._users[-1]
            self._users.pop()
            self._move(len(self._users), slot)

    def slot_of(self, adapter: LoadedAdapter | None) -> int:
        """Return the LoRA slot of an active adapter; -1 for None."""
        return -1 if adapter is None else self._adapters.index(adapter)

    def note_step(self) -> None:
        """Count a step; slots that were of no use for long are given back."""
        needed = max(1, len(self._users))
        self._idle_steps = self._idle_steps + 1 if len(self._adapters) >= 2 * needed else 0
        if self._idle_steps >= IDLE_STEPS:
            self._shrink(needed)

    def release_unused(self) -> bool:
        """Give back slots that no request uses, one of a CPU excepted; return whether there were any."""
        least = 0 if self._like.device.type == "cuda" else 1
        needed = max(least, len(self._users))
        return len(self._adapters) > needed and self._shrink(needed)

    def slot_bytes(self, rank: int, modules: Collection[str] | None = None) -> int:
        """Return the bytes that a slot of a rank takes in the layers of these names, None for all."""
        layers = (layer for layer in self._layers if modules is None or layer.is_changed_by(modules))
        return sum(layer.slot_bytes(rank, self._like) for layer in layers)

    @property
    def parameters(self) -> int:
        """The numbers of one slot's matrices in all layers, with the zeros that pad them."""
        return sum(layer.parameters_per_slot for layer in self._layers)

    @property
    def bytes(self) -> int:
        """The bytes of all slots in all layers."""
        return sum(layer.bytes for layer in self._layers)

    def _bytes_of(self, slots: int, adapter: LoadedAdapter) -> int:
        """Return the bytes of so many slots, with room for another adapter."""
        rank = max(self._rank, adapter.rank)
        layers = [layer for layer in self._layers if layer.has_slots or layer.is_changed_by(adapter.modules)]
        return slots * sum(layer.slot_bytes(rank, self._like) for layer in layers)

    def _move(self, slot: int, target: int) -> None:
        if slot == target:
            return
        for layer in self._layers:
            layer.copy_slot(slot, target)
        self._adapters[target] = self._adapters[slot]
        self._adapters[slot] = None

    def _load(self, adapter: LoadedAdapter, slot: int) -> None:
        self._reserve(slot + 1, adapter)
        self._adapters[slot] = None  # the slot holds no adapter, should the next lines fail
        if adapter.image is not None:
            adapter.image.load(self._layers, slot)
        else:
            for layer in self._layers:
                layer.set_lora(slot, adapter.pairs)
        self._adapters[slot] = adapter

    def _reserve(self, needed: int, adapter: LoadedAdapter) -> None:
        """Make room for another adapter: more slots, the largest rank, and the layers that it changes.

        When memory runs out on the way, some layers have more room than they need, which does no harm.
        """
        count = self._slots_for(needed, adapter)
        larger, rank = count > len(self._adapters) or adapter.rank > self._rank, max(self._rank, adapter.rank)
        for layer in self._layers:
            changed = layer.is_changed_by(adapter.modules)
            if (larger and (layer.has_slots or changed)) or (changed and not layer.has_slots):
                self.generation += 1
                layer.reserve_slots(count, rank, self._like)
        self._adapters += [None] * (count - len(self._adapters))
        self._rank = rank

    def _slots_for(self, needed: int, adapter: LoadedAdapter) -> int:
        """Return the count of slots to reserve: a few more than are needed, as far as `limit` lets."""
        if needed <= len(self._adapters):
            return len(self._adapters)
        few = 1 << (needed - 1).bit_length()
        ample = few if few <= SLOTS_AT_ONCE else -(-needed // SLOTS_AT_ONCE) * SLOTS_AT_ONCE
        fits = self.limit is None or self._bytes_of(ample, adapter) <= self.limit
        return ample if fits else needed

    def _shrink(self, count: int) -> bool:
        """Keep the first slots alone."""
        self._idle_steps = 0
        self.generation += 1
        for layer in self._layers:
            try:
                layer.keep_slots(count, self._like)
            except (
                RuntimeError,
                MemoryError,
            ) as error:  # no memory for a smaller copy: more slots do no harm
                if not is_out_of_memory(error):
                    raise
        del self._adapters[count:]
        self._rank = self._rank if count else 0
        return True
