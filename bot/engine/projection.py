"""Linear layers of the base model, with the change that every token's own adapter makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bot.engine.kernels import Kernel


@dataclass(frozen=True, slots=True)
class Pair:
    """What an adapter adds to a layer: x -> scale (x A^T) B^T; A [rank, in] and B [out, rank] as stored."""

    a: Tensor
    b: Tensor
    scale: float

    @property
    def rank(self) -> int:
        """The inner size."""
        return self.a.shape[0]


@dataclass(frozen=True, slots=True)
class Part:
    """One layer of the model, as its own columns of a joined product."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Tokens that stand alone, by adapter: so many bays, each with as many places as the fullest one needs.

    Without `index`, the first bays * places tokens are the grid itself. Else `index` names the token of
    every place, and `inverse` the place of each of the `tokens`. `scale` [bays, places, 1] is the strength.
    """

    bays: int
    places: int
    tokens: Tensor | int  # which tokens change: so many first ones, or their numbers
    index: Tensor | None = None
    inverse: Tensor | None = None
    scale: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Tokens of one row, end to end, under one adapter."""

    bay: int
    start: int
    end: int
    strength: float


@dataclass(frozen=True, slots=True)
class Mix:
    """Which tokens of a pass go through which adapters."""

    grid: Grid | None
    stretches: Sequence[Stretch] = ()


@dataclass(slots=True)
class Current:
    """The pass that is under way: for all its tokens, and for the last one of each row."""

    tokens: Mix | None = None
    last: Mix | None = None


class Projection(nn.Module):
    """Layers that read the same input, in one product: x [1, tokens, in] -> [1, tokens, out].

    The live adapters' matrices lie side by side: `_a` [bays, in, parts * rank] and, for every part, `_b`
    [bays, rank, out], zero where an adapter has less rank or leaves a layer alone. So a token alone is a row
    of a batched product with its own adapter's matrices, and nothing of another adapter is multiplied.
    """

    def __init__(self, kernel: Kernel, parts: Sequence[Part], inputs: int, current: Current, last: bool):
        """`last`: this layer reads only the last token of each row."""
        super().__init__()
        self.kernel, self.parts, self._inputs = kernel, tuple(parts), inputs
        self._current, self.reads_last = current, last
        self._a: Tensor | None = None
        self._b: list[Tensor] = []
        self._rank = 0

    def forward(self, x: Tensor) -> Tensor:
        """The base model's product and, for tokens under an adapter, its change."""
        flat = x.reshape(-1, self._inputs)
        product = self.kernel(flat)
        mix = self._current.last if self.reads_last else self._current.tokens
        if mix is not None and self._a is not None:
            self._change(flat.to(self._a.dtype), product, mix)
        return product.view(*x.shape[:-1], -1)

    def _change(self, x: Tensor, product: Tensor, mix: Mix) -> None:
        assert self._a is not None
        if mix.grid is not None:
            self._change_grid(x, product, mix.grid)
        for one in mix.stretches:
            inner = x[one.start : one.end] @ self._a[one.bay]
            for number, part in enumerate(self.parts):
                product[one.start : one.end, part.start : part.end].addmm_(
                    inner[:, self._columns(number)], self._b[number][one.bay], alpha=one.strength
                )

    def _change_grid(self, x: Tensor, product: Tensor, grid: Grid) -> None:
        assert self._a is not None
        count = grid.bays * grid.places
        picked = x[:count] if grid.index is None else x.index_select(0, grid.index)
        inner = torch.bmm(picked.view(grid.bays, grid.places, -1), self._a[: grid.bays])
        if grid.scale is not None:
            inner = inner * grid.scale
        for number, part in enumerate(self.parts):
            narrow, outer = inner[:, :, self._columns(number)], self._b[number][: grid.bays]
            target = product[:, part.start : part.end]
            if grid.inverse is None:
                target[:count].view(grid.bays, grid.places, -1).baddbmm_(narrow, outer)
                continue
            change = torch.bmm(narrow, outer).flatten(0, 1).index_select(0, grid.inverse)
            if isinstance(grid.tokens, int):
                target[: grid.tokens] += change
            else:
                target.index_add_(0, grid.tokens, change)

    def _columns(self, number: int) -> slice:
        return slice(number * self._rank, (number + 1) * self._rank)

    def reserve(self, bays: int, rank: int, like: Tensor) -> None:
        """Make room for so many live adapters of at most that rank; what is there stays, also on an error."""
        old, rank = (self._a, self._b, self._rank), max(rank, self._rank)
        bays = bays if self._a is None else max(bays, len(self._a))
        inner = like.new_zeros(bays, self._inputs, len(self.parts) * rank)
        outer = [like.new_zeros(bays, rank, part.end - part.start) for part in self.parts]
        self._a, self._b, self._rank = inner, outer, rank
        if old[0] is None:
            return
        count = len(old[0])
        for number, b in enumerate(old[1]):
            was = slice(number * old[2], (number + 1) * old[2])
            now = slice(number * rank, number * rank + old[2])
            self._a[:count, :, now] = old[0][:, :, was]
            self._b[number][:count, : old[2]] = b

    @property
    def reserved(self) -> bool:
        """Whether any live adapter ever changed it."""
        return self._a is not None

    def put(self, bay: int, pairs: Mapping[str, Pair]) -> None:
        """Give a bay to an adapter."""
        if self._a is None:
            return
        self._a[bay].zero_()
        for number, part in enumerate(self.parts):
            self._b[number][bay].zero_()
            if (pair := pairs.get(part.name)) is not None:
                start = number * self._rank
                self._a[bay, :, start : start + pair.rank] = pair.a.T
                self._b[number][bay, : pair.rank] = (pair.b.float() * pair.scale).T

    def move(self, bay: int, target: int) -> None:
        """Copy an adapter to another bay."""
        if self._a is not None:
            for tensor in (self._a, *self._b):
                tensor[target] = tensor[bay]

    @property
    def bytes(self) -> int:
        """What the live adapters' matrices take."""
        return 0 if self._a is None else self._a.nbytes + sum(b.nbytes for b in self._b)
