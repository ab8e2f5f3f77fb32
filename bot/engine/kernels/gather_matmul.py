"""Products of decoding tokens with their own adapters' matrices, as weighted sums of the matrices' rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bot.engine.kernels.compat import EMBEDDING_SUM, embedding_bag


@dataclass(frozen=True, slots=True)
class GatherMatmul:
    """Decoding tokens with the LoRA slots of their adapters, multiplied as embedding bags.

    A vector times a matrix is the sum of the matrix's rows, weighted by the vector: an embedding bag.
    FBGEMM's kernel for embedding bags reads each row once, in 16 bits, and sums in float32; a batched product
    in 16 bits reorders its matrices first.
    """

    tokens: Tensor | int  # the tokens under an adapter: a count of first ones, or indices [changed]
    lora_slots: Tensor  # [changed] the LoRA slot of each of them
    scale: Tensor | None = None  # [changed, 1] their adapters' strengths; None where all are 1
    _bags: dict[tuple[int, int], tuple[Tensor, Tensor]] = field(default_factory=dict)

    def select(self, x: Tensor) -> Tensor:
        """Return the rows [changed, size] of the tokens under an adapter, from x [tokens, size]."""
        return x[: self.tokens] if isinstance(self.tokens, int) else x.index_select(0, self.tokens)

    def multiply(self, x: Tensor, table: Tensor, blocks: int, rows: int) -> Tensor:
        """x [changed, blocks, rows], table [slots * blocks * rows, width] -> [changed * blocks, width]."""
        indices, offsets = self._bags.get((blocks, rows)) or self._make_bags(blocks, rows)
        weights = x.reshape(-1)
        return embedding_bag(table, indices, offsets, False, EMBEDDING_SUM, False, weights, True)[0]

    def _make_bags(self, blocks: int, rows: int) -> tuple[Tensor, Tensor]:
        """Return the table rows of all bags, and each bag's offset in them; once for layers of one size."""
        first = (self.lora_slots[:, None] * blocks + torch.arange(blocks)).view(-1, 1) * rows
        indices = (first + torch.arange(rows)).flatten().int()
        self._bags[blocks, rows] = indices, torch.arange(0, len(indices) + 1, rows, dtype=torch.int32)
        return self._bags[blocks, rows]


def gather_matmul_of(tokens: Sequence[tuple[int, int, float]]) -> GatherMatmul | None:
    """Lay out tokens (index, LoRA slot, strength); None without any."""
    if not tokens:
        return None
    indices, slots, strengths = zip(*tokens, strict=True)
    is_first = indices == tuple(range(len(indices)))
    scale = None if set(strengths) == {1} else torch.tensor(strengths)[:, None]
    return GatherMatmul(len(indices) if is_first else torch.tensor(indices), torch.tensor(slots), scale)
