"""Linear layers of the base model, with the change that every token's own adapter makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd

import torch
from torch import Tensor, nn

from bot.engine.kernels.bf16_matmul import AmxMatmul
from bot.engine.kernels.gather_matmul import GatherMatmul
from bot.engine.kernels.lora_slots import FloatSlots, Int8Slots, LoraSlots, SlotSizes, resize_slots
from bot.engine.kernels.matmul import MatmulKernel
from bot.engine.kernels.native import Native
from bot.engine.kernels.structs import LinearParams, LoraMatrices
from bot.engine.lora.batch_mapping import AdapterBatch, DecodeGroups, ForwardContext


@dataclass(frozen=True, slots=True)
class LoraPair:
    """What an adapter adds to a layer: x -> scale (x A^T) B^T; A [rank, in] and B [out, rank] as stored."""

    a: Tensor
    b: Tensor
    scale: float

    @property
    def rank(self) -> int:
        """The inner size."""
        return self.a.shape[0]


@dataclass(frozen=True, slots=True)
class JoinedLayer:
    """One layer of the model, as its own columns of a joined product."""

    name: str
    start: int
    end: int


class LoraLinear(nn.Module):
    """Layers that read the same input, in one product: x [1, tokens, in] -> [1, tokens, out].

    The active adapters' matrices lie side by side (`LoraSlots`), zero where an adapter has less rank or
    leaves a layer alone. So a token alone is multiplied with its own adapter's matrices, however many
    adapters are mixed, and with nothing of another's: by native.c, else in two batched products, or as sums
    of their rows (`GatherMatmul`).
    """

    def __init__(
        self,
        kernel: MatmulKernel,
        parts: Sequence[JoinedLayer],
        inputs: int,
        current: ForwardContext,
        native: Native | None = None,
        last: bool = False,
    ):
        """`last`: this layer reads only the last token of each row."""
        super().__init__()
        self._native = native
        self.kernel, self.parts, self.inputs = kernel, tuple(parts), inputs
        self._current, self.reads_last = current, last
        self._width = gcd(*(part.end - part.start for part in parts))
        self._blocks = [n for n, part in enumerate(parts) for _ in range(part.start, part.end, self._width)]
        self._bays: LoraSlots | None = None
        self._chosen: Tensor | None = None  # the part of every block, where parts are not the blocks
        self.native_params = self._linear()

    def forward(self, x: Tensor) -> Tensor:
        """The base model's product and, for tokens under an adapter, its change."""
        flat = x.reshape(-1, self.inputs)
        product = self.kernel(flat)
        mix = self._current.last if self.reads_last else self._current.tokens
        if mix is not None and self._bays is not None:
            self._change(self._bays, flat, product, mix)
        return product.view(*x.shape[:-1], -1)

    def _change(self, bays: LoraSlots, x: Tensor, product: Tensor, mix: AdapterBatch) -> None:
        if isinstance(bays, Int8Slots):
            assert self._native is not None
            self._native.add_lora(bays, x, product, mix.lora_tokens)
            return
        if mix.decode_layout is not None and isinstance(bays, FloatSlots):
            of = (
                self._of_bags(bays, x, mix.decode_layout)
                if isinstance(mix.decode_layout, GatherMatmul)
                else self._of_grid(bays, x, mix.decode_layout)
            )
            if isinstance(mix.decode_layout.tokens, int):
                product[: mix.decode_layout.tokens].add_(of)
            else:
                product.index_add_(0, mix.decode_layout.tokens, of.to(product.dtype))
        for one in mix.prefill_spans:
            a, b = bays.get_lora(one.lora_slot, x.dtype)
            inner = (x[one.start : one.end] @ a)[None]
            product[one.start : one.end].add_(self._outer(inner, b[None]), alpha=one.strength)

    def _linear(self, made: LinearParams | None = None) -> LinearParams | None:
        """What native.c knows of it, changed in place once it was made; None where it cannot compute it."""
        if not isinstance(self.kernel, AmxMatmul) or self.kernel.block_width is None:
            return None
        address = self.kernel.address, self.kernel.bias_address
        made = made or LinearParams(*address, LoraMatrices(), self.kernel.block_width)
        made.change.inputs, made.change.outputs = self.inputs, self.outputs
        if isinstance(self._bays, Int8Slots):
            made.matrices, made.change = self._bays.native_matrices, self._bays.native_shape(wide=0)
        return None if isinstance(self._bays, FloatSlots) else made

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return self.parts[-1].end

    def _of_bags(self, held: FloatSlots, x: Tensor, bags: GatherMatmul) -> Tensor:
        x = bags.select(x).to(held.a.dtype)
        inner = bags.multiply(x, held.a.view(-1, held.a.shape[-1]), 1, self.inputs)
        if bags.scale is not None:
            inner = inner * bags.scale.to(inner.dtype)
        if self._chosen is not None:
            inner = inner.view(len(x), -1, held.sizes.rank).index_select(1, self._chosen)
        change = bags.multiply(inner, held.b.view(-1, self._width), len(self._blocks), held.sizes.rank)
        return change.view(len(x), -1)

    def _of_grid(self, held: FloatSlots, x: Tensor, grid: DecodeGroups) -> Tensor:
        x = x.to(held.a.dtype)
        picked = (
            x[: grid.slot_count * grid.slot_tokens] if grid.index is None else x.index_select(0, grid.index)
        )
        inner = torch.bmm(picked.view(grid.slot_count, grid.slot_tokens, -1), held.a[: grid.slot_count])
        if grid.scale is not None:
            inner = inner * grid.scale
        change = self._outer(inner, held.b[: grid.slot_count])
        return change if grid.inverse is None else change.index_select(0, grid.inverse)

    def _outer(self, inner: Tensor, b: Tensor) -> Tensor:
        """The second product: inner [bays, places, parts * rank], b [bays, ..] -> [bays * places, out]."""
        (bays, blocks, rank, _), places = b.shape, inner.shape[1]
        apart = inner.view(bays, places, -1, rank).transpose(1, 2)
        if self._chosen is not None:
            apart = apart.index_select(1, self._chosen)
        outer = b.flatten(0, 1).to(inner.dtype)
        change = torch.bmm(apart.reshape(bays * blocks, places, rank), outer)
        return change.view(bays, blocks, places, -1).transpose(1, 2).reshape(bays * places, -1)

    def reserve_slots(self, bays: int, rank: int, like: Tensor) -> None:
        """Make room for so many live adapters of at most that rank; what is there stays, also on an error."""
        was = self._bays
        bays, rank = max(bays, was.count if was else 0), max(rank, was.sizes.rank if was else 0)
        sizes = SlotSizes(self.inputs, len(self.parts), tuple(self._blocks), rank, self._width)
        narrow = replace(sizes, rank=-(-rank // 16) * 16)
        if len(self._blocks) > len(self.parts):
            self._chosen = torch.tensor(self._blocks, device=like.device)
        if self._native is not None and like.dtype == torch.bfloat16 and Int8Slots.supports(narrow):
            self._bays = resize_slots(Int8Slots(bays, narrow), was)
        else:
            self._bays = resize_slots(FloatSlots(bays, sizes, like), was)
        self.native_params = self._linear(self.native_params)

    @property
    def has_slots(self) -> bool:
        """Whether any live adapter ever changed it."""
        return self._bays is not None

    def set_lora(self, bay: int, pairs: Mapping[str, LoraPair]) -> None:
        """Give a bay to an adapter."""
        if self._bays is None:
            return
        sizes = self._bays.sizes
        a = torch.zeros(sizes.inputs, sizes.parts, sizes.rank)
        b = torch.zeros(len(sizes.blocks), sizes.rank, sizes.width)
        for number, part in enumerate(self.parts):
            if (pair := pairs.get(part.name)) is not None:
                a[:, number, : pair.rank] = pair.a.T
                outer = (pair.b.float() * pair.scale).T.reshape(pair.rank, -1, self._width).transpose(0, 1)
                first = self._blocks.index(number)
                b[first : first + len(outer), : pair.rank] = outer
        self._bays.set_lora(bay, a.flatten(1), b)

    def copy_slot(self, bay: int, target: int) -> None:
        """Copy an adapter to another bay."""
        for tensor in self._bays.tensors if self._bays else ():
            tensor[target] = tensor[bay]

    @property
    def bytes(self) -> int:
        """What the live adapters' matrices take."""
        return sum(tensor.nbytes for tensor in self._bays.tensors) if self._bays else 0

    @property
    def parameters_per_slot(self) -> int:
        """Of one live adapter's matrices."""
        return 0 if self._bays is None else self._bays.sizes.parameters
