"""The adapters that running rows use, laid out for mixed batches; known ones cost nothing here until then."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from bot.engine.lora.linear import LoraLinear, LoraPair


@dataclass(frozen=True, eq=False, slots=True)
class LoadedAdapter:
    """An adapter as it was read, in the dtype of its file. One that replaces another is another object."""

    name: str
    pairs: Mapping[str, LoraPair]
    rank: int = field(init=False)  # the largest of its ranks
    bytes: int = field(init=False)  # what its matrices take

    def __post_init__(self) -> None:
        pairs = tuple(self.pairs.values())
        object.__setattr__(self, "rank", max((pair.rank for pair in pairs), default=0))
        object.__setattr__(self, "bytes", sum(pair.a.nbytes + pair.b.nbytes for pair in pairs))


class ActiveAdapters:
    """Who sits where. The bays in use are always the first ones; behind them, those just left stay warm."""

    def __init__(self, projections: Iterable[LoraLinear], like: Tensor) -> None:
        """`like` has the dtype and the device that the products are computed in."""
        self._projections = tuple(projections)
        self._like = like
        self._held: list[LoadedAdapter | None] = []
        self._users: list[int] = []  # rows of every bay in use
        self._rank = 0

    def activate(self, known: LoadedAdapter) -> None:
        """One more row uses this adapter."""
        if known in self._held[: len(self._users)]:
            self._users[self._held.index(known)] += 1
            return
        bay = len(self._users)
        if known in self._held:
            self._move(self._held.index(known), bay)
        else:
            self._load(known, bay)
        self._users.append(1)

    def deactivate(self, known: LoadedAdapter) -> None:
        """One row less does; one whose adapter could not be laid out is not there."""
        if known not in self._held[: len(self._users)]:
            return
        bay = self._held.index(known)
        self._users[bay] -= 1
        if self._users[bay] == 0:
            self._users[bay] = self._users[-1]
            self._users.pop()
            self._move(len(self._users), bay)

    def slot_of(self, known: LoadedAdapter | None) -> int:
        """Where an adapter in use sits; -1 for none."""
        return -1 if known is None else self._held.index(known)

    @property
    def parameters(self) -> int:
        """Of one adapter's matrices, with the zeros that fill them up."""
        return sum(projection.parameters_per_slot for projection in self._projections)

    @property
    def bytes(self) -> int:
        """What the matrices of live and warm adapters take."""
        return sum(projection.bytes for projection in self._projections)

    def _move(self, bay: int, target: int) -> None:
        if bay == target:
            return
        for projection in self._projections:
            projection.copy_slot(bay, target)
        self._held[target] = self._held[bay]
        self._held[bay] = None

    def _load(self, known: LoadedAdapter, bay: int) -> None:
        self._reserve(bay + 1, known)
        self._held[bay] = None  # nobody's, should the next lines fail
        for projection in self._projections:
            projection.set_lora(bay, known.pairs)
        self._held[bay] = known

    def _reserve(self, bays: int, known: LoadedAdapter) -> None:
        """Room for another adapter: twice the bays, the largest rank, and the layers that it changes.

        When memory runs out on the way, some layers have more room than they need, which does no harm.
        """
        more = 0 if bays <= len(self._held) else max(bays, 2 * len(self._held)) - len(self._held)
        larger, rank = more > 0 or known.rank > self._rank, max(self._rank, known.rank)
        for projection in self._projections:
            wanted = any(part.name in known.pairs for part in projection.parts)
            if (larger and (projection.has_slots or wanted)) or (wanted and not projection.has_slots):
                projection.reserve_slots(len(self._held) + more, rank, self._like)
        self._held += [None] * more
        self._rank = rank
