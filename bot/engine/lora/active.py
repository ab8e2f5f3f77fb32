"""Active adapters: those of running requests, in LoRA slots of all linear layers.

A registered adapter takes no slot until a request runs under it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from bot.engine.lora.linear import LoraLinear, LoraPair


@dataclass(frozen=True, eq=False, slots=True)
class LoadedAdapter:
    """An adapter in the dtype of its file. One that replaces another of its name is another object."""

    name: str
    pairs: Mapping[str, LoraPair]
    rank: int = field(init=False)  # the largest of its ranks
    bytes: int = field(init=False)  # of its matrices

    def __post_init__(self) -> None:
        pairs = tuple(self.pairs.values())
        object.__setattr__(self, "rank", max((pair.rank for pair in pairs), default=0))
        object.__setattr__(self, "bytes", sum(pair.a.nbytes + pair.b.nbytes for pair in pairs))


class ActiveAdapters:
    """The adapter of each LoRA slot. Slots in use come first; adapters that left last stay behind them."""

    def __init__(self, layers: Iterable[LoraLinear], like: Tensor) -> None:
        """`like` has the dtype and the device of the slots."""
        self._layers = tuple(layers)
        self._like = like
        self._adapters: list[LoadedAdapter | None] = []  # of every slot
        self._users: list[int] = []  # sequences of every slot in use
        self._rank = 0

    @property
    def slot_count(self) -> int:
        """The LoRA slots that are reserved, in use or not."""
        return len(self._adapters)

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

    @property
    def parameters(self) -> int:
        """The numbers of one slot's matrices in all layers, with the zeros that pad them."""
        return sum(layer.parameters_per_slot for layer in self._layers)

    @property
    def bytes(self) -> int:
        """The bytes of all slots in all layers."""
        return sum(layer.bytes for layer in self._layers)

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
        for layer in self._layers:
            layer.set_lora(slot, adapter.pairs)
        self._adapters[slot] = adapter

    def _reserve(self, slots: int, adapter: LoadedAdapter) -> None:
        """Make room for another adapter: twice the slots, the largest rank, and the layers that it changes.

        When memory runs out on the way, some layers have more room than they need, which does no harm.
        """
        count = len(self._adapters)
        more = 0 if slots <= count else max(slots, 2 * count) - count
        larger, rank = more > 0 or adapter.rank > self._rank, max(self._rank, adapter.rank)
        for layer in self._layers:
            changed = any(part.name in adapter.pairs for part in layer.parts)
            if (larger and (layer.has_slots or changed)) or (changed and not layer.has_slots):
                layer.reserve_slots(count + more, rank, self._like)
        self._adapters += [None] * more
        self._rank = rank
