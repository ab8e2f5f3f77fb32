"""Products of single tokens with their own matrices, as weighted sums of rows: quick in 16 bits on a CPU."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

_SUM = 0  # of torch's three modes of a bag


@dataclass(frozen=True, slots=True)
class GatherMatmul:
    """Tokens that stand alone, each with the bay of its adapter.

    A vector times a matrix is the sum of the matrix's rows, weighted by the vector: what torch calls a bag of
    embeddings. FBGEMM's kernel for it reads each row once, in 16 bits, and sums in float32, where a batched
    product in 16 bits first puts its matrices into another order.
    """

    tokens: Tensor | int  # which tokens change: so many first ones, or their numbers
    lora_slots: Tensor  # [changed] the bay of each of them
    scale: Tensor | None = None  # [changed, 1] their adapters' strengths
    _named: dict[tuple[int, int], tuple[Tensor, Tensor]] = field(default_factory=dict)

    def select(self, x: Tensor) -> Tensor:
        """The tokens that change, of all."""
        return x[: self.tokens] if isinstance(self.tokens, int) else x.index_select(0, self.tokens)

    def multiply(self, x: Tensor, table: Tensor, blocks: int, rows: int) -> Tensor:
        """x [changed, blocks, rows], table [bays * blocks * rows, width] -> [changed * blocks, width]."""
        named, ends = self._named.get((blocks, rows)) or self._name(blocks, rows)
        weights = x.reshape(-1)
        return torch._embedding_bag_forward_only(table, named, ends, False, _SUM, False, weights, True)[0]

    def _name(self, blocks: int, rows: int) -> tuple[Tensor, Tensor]:
        """The table rows of every bag, and where each begins and ends; once for all layers of that size."""
        first = (self.lora_slots[:, None] * blocks + torch.arange(blocks)).view(-1, 1) * rows
        named = (first + torch.arange(rows)).flatten().int()
        self._named[blocks, rows] = named, torch.arange(0, len(named) + 1, rows, dtype=torch.int32)
        return self._named[blocks, rows]


def gather_matmul_of(tokens: Sequence[tuple[int, int, float]]) -> GatherMatmul | None:
    """Tokens (place, bay, strength) as bags; None without any."""
    if not tokens:
        return None
    places, bays, strengths = zip(*tokens, strict=True)
    first = places == tuple(range(len(places)))
    scale = None if set(strengths) == {1} else torch.tensor(strengths)[:, None]
    which = len(places) if first else torch.tensor(places)
    return GatherMatmul(which, torch.tensor(bays), scale)
