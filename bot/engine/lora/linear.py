"""Linear layers of the base model, with the change that each token's own adapter makes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd

import torch
from torch import Tensor, nn

from bot.engine.kernels.gather_matmul import GatherMatmul
from bot.engine.kernels.lora_slots import CardSlots, FloatSlots, Int8Slots, LoraSlots, SlotSizes, resize_slots
from bot.engine.kernels.matmul import MatmulKernel
from bot.engine.kernels.native import Native
from bot.engine.kernels.native_linear import linear_params_of, set_lora_slots
from bot.engine.kernels.row_scaling import RowScaling
from bot.engine.kernels.structs import LinearParams
from bot.engine.lora.batch_mapping import AdapterBatch, DecodeGroups, ForwardContext, SlotOwners
from bot.engine.lora.joined_layer import JoinedLayer


@dataclass(frozen=True, slots=True)
class LoraPair:
    """An adapter's matrices of a layer, x -> scale (x A^T) B^T; A [rank, in] and B [out, rank] as stored."""

    a: Tensor
    b: Tensor
    scale: float

    @property
    def rank(self) -> int:
        """The rank, of A's rows and B's columns."""
        return self.a.shape[0]


class LoraLinear(nn.Module):
    """Layers that read the same input, in one product: x [1, tokens, in] -> [1, tokens, out].

    `LoraSlots` hold the active adapters' matrices, zeros where an adapter has less rank or leaves a layer
    alone. So a decoding token is multiplied with its own adapter's matrices only, however many adapters the
    batch has: by `csrc/lora.h`, else in two batched products, or as embedding bags (`GatherMatmul`).
    """

    def __init__(
        self,
        kernel: MatmulKernel,
        parts: Sequence[JoinedLayer],
        inputs: int,
        context: ForwardContext,
        device: torch.device,
        native: Native | None = None,
        last: bool = False,
    ):
        """`device`: where the layer computes. `last`: it reads only the last token of each sequence."""
        super().__init__()
        self._native, self.device = native, device
        self.kernel, self.parts, self.inputs = kernel, tuple(parts), inputs
        self._context, self.reads_last = context, last
        self._width = gcd(*(part.end - part.start for part in parts))
        self._blocks = [n for n, part in enumerate(parts) for _ in range(part.start, part.end, self._width)]
        self._slots: LoraSlots | None = None
        self._block_parts: Tensor | None = None  # [blocks] part of each block; None for one block a part
        self._linear_params = None if native is None else linear_params_of(kernel, inputs, self.outputs)
        self.scaling: RowScaling | None = None  # where inputs or outputs lie beyond float16

    def forward(self, x: Tensor) -> Tensor:
        """x [1, tokens, in] -> [1, tokens, out]: the base layer's product plus the adapters' changes."""
        flat = x.reshape(-1, self.inputs)
        product = self._adapted(flat) if self.scaling is None else self.scaling.apply(flat, self._adapted)
        return product.view(*x.shape[:-1], -1)

    def _adapted(self, x: Tensor) -> Tensor:
        """x [tokens, in] -> [tokens, out], as `forward`, in the dtype of the weights' kernel."""
        product = self.kernel(x)
        batch = self._context.last if self.reads_last else self._context.tokens
        if batch is not None and self._slots is not None:
            self._add_lora(self._slots, x, product, batch)
        return product

    def _add_lora(self, slots: LoraSlots, x: Tensor, product: Tensor, batch: AdapterBatch) -> None:
        """product [tokens, out] += the changes of x [tokens, in], in place."""
        if isinstance(slots, Int8Slots):
            assert self._native is not None
            self._native.add_lora(slots, x, product, batch.lora_tokens)
            return
        layout = batch.decode_layout
        if isinstance(layout, SlotOwners):
            assert isinstance(slots, CardSlots)
            changed, tokens = product[: layout.tokens], x[: layout.tokens]
            owners, zero = layout.owners(x), layout.zero(x)
            slots.add_all(tokens, changed, owners, zero, layout.strengths(x), self._block_parts)
        elif layout is not None and isinstance(slots, FloatSlots):
            change = (
                self._gathered_change(slots, x, layout)
                if isinstance(layout, GatherMatmul)
                else self._grouped_change(slots, x, layout)
            )
            if isinstance(layout.tokens, int):
                product[: layout.tokens].add_(change)
            else:
                product.index_add_(0, layout.tokens, change.to(product.dtype))
        for span in batch.prefill_spans:
            a, b = slots.get_lora(span.lora_slot, x.dtype)
            inner = (x[span.start : span.end] @ a)[None]
            product[span.start : span.end].add_(self._expand(inner, b[None]), alpha=span.strength)

    @property
    def native_params(self) -> LinearParams | None:
        """The C structure of this layer, always the same one; None where `csrc/` cannot compute the layer."""
        return None if isinstance(self._slots, FloatSlots) else self._linear_params

    def _set_slots(self, slots: LoraSlots | None) -> None:
        self._slots = slots
        if self._linear_params is not None and self._native is not None:
            set_lora_slots(self._linear_params, slots, self._native.is_f32)

    @property
    def outputs(self) -> int:
        """The output size of all parts together."""
        return self.parts[-1].end

    def _gathered_change(self, slots: FloatSlots, x: Tensor, gather: GatherMatmul) -> Tensor:
        """The decoding tokens' changes [changed, out] by embedding bags; x [tokens, in]."""
        x = gather.select(x).to(slots.a.dtype)
        inner = gather.multiply(x, slots.a.view(-1, slots.a.shape[-1]), 1, self.inputs)
        if gather.scale is not None:
            inner = inner * gather.scale.to(inner.dtype)
        if self._block_parts is not None:
            inner = inner.view(len(x), -1, slots.sizes.rank).index_select(1, self._block_parts)
        change = gather.multiply(inner, slots.b.view(-1, self._width), len(self._blocks), slots.sizes.rank)
        return change.view(len(x), -1)

    def _grouped_change(self, slots: FloatSlots, x: Tensor, groups: DecodeGroups) -> Tensor:
        """The decoding tokens' changes [changed, out] by two batched products; x [tokens, in]."""
        x, count, size = x.to(slots.a.dtype), groups.slot_count, groups.group_size
        picked = x[: count * size] if groups.index is None else x.index_select(0, groups.index)
        inner = torch.bmm(picked.view(count, size, -1), slots.a[:count])
        if groups.scale is not None:
            inner.mul_(groups.scale)  # in place: the scale is float32, and the product keeps its dtype
        change = self._expand(inner, slots.b[:count])
        return change if groups.inverse is None else change.index_select(0, groups.inverse)

    def _expand(self, inner: Tensor, b: Tensor) -> Tensor:
        """inner [slots, group, parts * rank], b [slots, blocks, rank, width] -> [slots * group, out]."""
        (slots, blocks, rank, _), group = b.shape, inner.shape[1]
        by_part = inner.view(slots, group, -1, rank).transpose(1, 2)
        if self._block_parts is not None:
            by_part = by_part.index_select(1, self._block_parts)
        matrices = b.flatten(0, 1).to(inner.dtype)
        change = torch.bmm(by_part.reshape(slots * blocks, group, rank), matrices)
        return change.view(slots, blocks, group, -1).transpose(1, 2).reshape(slots * group, -1)

    def reserve_slots(self, count: int, rank: int, like: Tensor) -> None:
        """Make room for `count` adapters of at most `rank`; adapters in slots stay, also after an error."""
        old, like = self._slots, like.to(self.device)
        count, rank = max(count, old.count if old else 0), max(rank, old.sizes.rank if old else 0)
        if len(self._blocks) > len(self.parts) and self._block_parts is None:
            self._block_parts = torch.tensor(self._blocks, device=self.device)
        self._set_slots(resize_slots(self._new_slots(count, rank, like), old))

    def _new_slots(self, count: int, rank: int, like: Tensor) -> FloatSlots | Int8Slots:
        kind, sizes = self._slots_of(rank, like)
        return kind(count, sizes, like.to(self.device))

    def _slots_of(self, rank: int, like: Tensor) -> tuple[type[FloatSlots | Int8Slots], SlotSizes]:
        """Return the kind of slots for adapters of a rank, and the sizes of one."""
        sizes = SlotSizes(self.inputs, len(self.parts), tuple(self._blocks), rank, self._width)
        int8_sizes = replace(sizes, rank=-(-rank // 16) * 16)
        if self._native is not None and like.dtype == torch.bfloat16 and Int8Slots.supports(int8_sizes):
            return Int8Slots, int8_sizes
        return CardSlots if self._context.on_card else FloatSlots, sizes

    @property
    def has_slots(self) -> bool:
        """True if an active adapter ever changed this layer."""
        return self._slots is not None

    def keep_slots(self, count: int, like: Tensor) -> None:
        """Give back all slots but the first ones."""
        if self._slots is not None and self._slots.count > count:
            new = self._new_slots(count, self._slots.sizes.rank, like) if count else None
            self._set_slots(None if new is None else resize_slots(new, self._slots))

    def is_changed_by(self, modules: Collection[str]) -> bool:
        """Return whether an adapter that changes layers of these names changes this one."""
        return any(part.name in modules for part in self.parts)

    def slot_bytes(self, rank: int, like: Tensor) -> int:
        """Return the bytes that one slot of a rank would take."""
        kind, sizes = self._slots_of(rank, like)
        return kind.slot_bytes(sizes, like.itemsize)

    def parameters_of(self, rank: int) -> int:
        """The numbers of an adapter's matrices of a rank in this layer."""
        return rank * (self.inputs * len(self.parts) + self.outputs)

    def set_lora(self, slot: int, pairs: Mapping[str, LoraPair]) -> None:
        """Write an adapter's matrices, by layer name, into a slot; does nothing without slots."""
        if self._slots is not None:
            a, b = self.slot_matrices(pairs, self._slots.sizes.rank)
            self._slots.set_lora(slot, a.flatten(1), b)

    def slot_matrices(self, pairs: Mapping[str, LoraPair], rank: int) -> tuple[Tensor, Tensor]:
        """Return an adapter's a [inputs, parts, rank] and b [blocks, rank, width], padded with zeros."""
        a = torch.zeros(self.inputs, len(self.parts), rank)
        b = torch.zeros(len(self._blocks), rank, self._width)
        for number, part in enumerate(self.parts):
            if (pair := pairs.get(part.name)) is not None:
                a[:, number, : pair.rank] = pair.a.T
                scaled = (pair.b.float() * pair.scale).T
                blocks = scaled.reshape(pair.rank, -1, self._width).transpose(0, 1)
                first = self._blocks.index(number)
                b[first : first + len(blocks), : pair.rank] = blocks
        return a, b

    def slot_views(self, slot: int) -> tuple[Tensor, Tensor] | None:
        """Return a slot's a [inputs, parts, rank] and b [blocks, rank, width]; None unless it has floats."""
        if not isinstance(self._slots, FloatSlots):
            return None
        sizes = self._slots.sizes
        return self._slots.a[slot].view(sizes.inputs, sizes.parts, sizes.rank), self._slots.b[slot]

    def copy_slot(self, slot: int, target: int) -> None:
        """Copy an adapter's matrices to another slot."""
        for tensor in self._slots.tensors if self._slots else ():
            tensor[target] = tensor[slot]

    @property
    def bytes(self) -> int:
        """The bytes of all slots."""
        return sum(tensor.nbytes for tensor in self._slots.tensors) if self._slots else 0

    @property
    def parameters_per_slot(self) -> int:
        """The numbers of one slot's matrices; 0 without slots."""
        return 0 if self._slots is None else self._slots.sizes.parameters
