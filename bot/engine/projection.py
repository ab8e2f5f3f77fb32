"""Linear layers of the base model, with the change that every token's own adapter makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import torch
from torch import Tensor, nn

from bot.engine.bags import Bags
from bot.engine.kernels import Kernel
from bot.engine.mix import Current, Grid, Mix
from bot.engine.native import Change, Native


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


class Projection(nn.Module):
    """Layers that read the same input, in one product: x [1, tokens, in] -> [1, tokens, out].

    The live adapters' matrices lie side by side: `_a` [bays, in, parts * rank], and `_b` [bays, blocks,
    rank, width], where blocks cut all parts into equal widths; zero where an adapter has less rank or leaves
    a layer alone. So a token alone is multiplied with its own adapter's matrices, however many adapters are
    mixed, and with nothing of another's: in two batched products, or as sums of their rows (`Bags`).
    """

    def __init__(
        self,
        kernel: Kernel,
        parts: Sequence[Part],
        inputs: int,
        current: Current,
        native: Native | None = None,
        last: bool = False,
    ):
        """`last`: this layer reads only the last token of each row."""
        super().__init__()
        self._native = native
        self.kernel, self.parts, self._inputs = kernel, tuple(parts), inputs
        self._current, self.reads_last = current, last
        self._width = gcd(*(part.end - part.start for part in parts))
        self._blocks = [n for n, part in enumerate(parts) for _ in range(part.start, part.end, self._width)]
        self._a: Tensor | None = None
        self._b: Tensor | None = None
        self._chosen: Tensor | None = None  # the part of every block, where parts are not the blocks
        self._rank = 0
        self._sizes: Change | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The base model's product and, for tokens under an adapter, its change."""
        flat = x.reshape(-1, self._inputs)
        product = self.kernel(flat)
        mix = self._current.last if self.reads_last else self._current.tokens
        if mix is not None and self._a is not None:
            self._change(flat, product, mix)
        return product.view(*x.shape[:-1], -1)

    def _change(self, x: Tensor, product: Tensor, mix: Mix) -> None:
        assert self._a is not None
        if isinstance(mix.grid, Bags) and self._change_natively(x, product, mix.grid):
            pass
        elif mix.grid is not None:
            change = self._of_bags(x, mix.grid) if isinstance(mix.grid, Bags) else self._of_grid(x, mix.grid)
            if isinstance(mix.grid.tokens, int):
                product[: mix.grid.tokens].add_(change)
            else:
                product.index_add_(0, mix.grid.tokens, change.to(product.dtype))
        for one in mix.stretches:
            inner = (x[one.start : one.end] @ self._a[one.bay].to(x.dtype))[None]
            product[one.start : one.end].add_(self._outer(inner, one.bay, 1), alpha=one.strength)

    def _change_natively(self, x: Tensor, product: Tensor, bags: Bags) -> bool:
        """Whether operations of our own took it."""
        native, sizes, singles, a, b = self._native, self._sizes, bags.singles, self._a, self._b
        if native is None or sizes is None or singles is None or a is None or b is None:
            return False
        if not native.changes(singles, x, a):
            return False
        native.change(sizes, x, a, b, product, singles)
        return True

    def _of_bags(self, x: Tensor, bags: Bags) -> Tensor:
        assert self._a is not None
        assert self._b is not None
        x = bags.of(x).to(self._a.dtype)
        inner = bags.product(x, self._a.view(-1, self._a.shape[-1]), 1, self._inputs)
        if bags.scale is not None:
            inner = inner * bags.scale.to(inner.dtype)
        if self._chosen is not None:
            inner = inner.view(len(x), -1, self._rank).index_select(1, self._chosen)
        change = bags.product(inner, self._b.view(-1, self._width), len(self._blocks), self._rank)
        return change.view(len(x), -1)

    def _of_grid(self, x: Tensor, grid: Grid) -> Tensor:
        assert self._a is not None
        x = x.to(self._a.dtype)
        picked = x[: grid.bays * grid.places] if grid.index is None else x.index_select(0, grid.index)
        inner = torch.bmm(picked.view(grid.bays, grid.places, -1), self._a[: grid.bays])
        if grid.scale is not None:
            inner = inner * grid.scale
        change = self._outer(inner, 0, grid.bays)
        return change if grid.inverse is None else change.index_select(0, grid.inverse)

    def _outer(self, inner: Tensor, first: int, bays: int) -> Tensor:
        """The second product, for some bays: inner [bays, places, parts * rank] -> [bays * places, out]."""
        assert self._b is not None
        places, blocks = inner.shape[1], len(self._blocks)
        apart = inner.view(bays, places, -1, self._rank).transpose(1, 2)
        if self._chosen is not None:
            apart = apart.index_select(1, self._chosen)
        outer = self._b[first : first + bays].flatten(0, 1).to(inner.dtype)
        change = torch.bmm(apart.reshape(bays * blocks, places, self._rank), outer)
        return change.view(bays, blocks, places, -1).transpose(1, 2).reshape(bays * places, -1)

    def reserve(self, bays: int, rank: int, like: Tensor) -> None:
        """Make room for so many live adapters of at most that rank; what is there stays, also on an error."""
        was_a, was_b, was = self._a, self._b, self._rank
        bays, rank = max(bays, 0 if was_a is None else len(was_a)), max(rank, was)
        new_a = like.new_zeros(bays, self._inputs, len(self.parts) * rank)
        new_b = like.new_zeros(bays, len(self._blocks), rank, self._width)
        if len(self._blocks) > len(self.parts):
            self._chosen = torch.tensor(self._blocks, device=like.device)
        if was_a is not None and was_b is not None:
            old = was_a.view(len(was_a), self._inputs, -1, was)
            new_a.view(bays, self._inputs, -1, rank)[: len(old), :, :, :was] = old
            new_b[: len(was_b), :, :was] = was_b
        self._a, self._b, self._rank = new_a, new_b, rank
        if self._native is not None:
            self._sizes = self._native.change_of(
                self._inputs, len(self.parts), rank, self._blocks, self._width
            )

    @property
    def reserved(self) -> bool:
        """Whether any live adapter ever changed it."""
        return self._a is not None

    def put(self, bay: int, pairs: Mapping[str, Pair]) -> None:
        """Give a bay to an adapter."""
        if self._a is None or self._b is None:
            return
        self._a[bay].zero_()
        self._b[bay].zero_()
        for number, part in enumerate(self.parts):
            if (pair := pairs.get(part.name)) is not None:
                start, first = number * self._rank, self._blocks.index(number)
                self._a[bay, :, start : start + pair.rank] = pair.a.T
                outer = (pair.b.float() * pair.scale).T.reshape(pair.rank, -1, self._width).transpose(0, 1)
                self._b[bay, first : first + len(outer), : pair.rank] = outer

    def move(self, bay: int, target: int) -> None:
        """Copy an adapter to another bay."""
        if self._a is not None and self._b is not None:
            self._a[target] = self._a[bay]
            self._b[target] = self._b[bay]

    @property
    def bytes(self) -> int:
        """What the live adapters' matrices take."""
        return 0 if self._a is None or self._b is None else self._a.nbytes + self._b.nbytes
