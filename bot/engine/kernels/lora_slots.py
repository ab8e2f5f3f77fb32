"""LoRA slots: the active adapters' matrices of one linear layer, as floats, or in 8 bits for `csrc/`."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bot.engine.kernels.structs import INT, MAX_LORA_INNER, LoraMatrices, LoraShape

_INT8_FACTOR = 2.0**24  # `csrc/lora_products.h` reads numbers of 8 bits times this factor


@dataclass(frozen=True, slots=True)
class SlotSizes:
    """The sizes of one slot: A is [inputs, parts * rank], B [blocks, rank, width].

    `parts` counts the joined layers. `blocks` cut the outputs of all parts into equal widths, and name the
    part of each block.
    """

    inputs: int
    parts: int
    blocks: tuple[int, ...]
    rank: int
    width: int

    @property
    def parameters(self) -> int:
        """The numbers of one slot's matrices."""
        return self.rank * (self.inputs * self.parts + len(self.blocks) * self.width)


class LoraSlots(Protocol):
    """A fixed count of slots, each of which holds the matrices of one adapter; zeros at first."""

    count: int
    sizes: SlotSizes

    def set_lora(self, slot: int, a: Tensor, b: Tensor) -> None:
        """Write a [inputs, parts * rank] and b [blocks, rank, width] into a slot."""

    def get_lora(self, slot: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return a slot's a [inputs, parts * rank] and b [blocks, rank, width] in a dtype."""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """All tensors, whose first dimension is the slot."""


class FloatSlots:
    """Slots of floats: a [slots, inputs, parts * rank], b [slots, blocks, rank, width]."""

    def __init__(self, count: int, sizes: SlotSizes, like: Tensor) -> None:
        """Allocate the slots with the dtype and on the device of `like`."""
        self.count, self.sizes = count, sizes
        self.a = like.new_zeros(count, sizes.inputs, sizes.parts * sizes.rank)
        self.b = like.new_zeros(count, len(sizes.blocks), sizes.rank, sizes.width)

    @staticmethod
    def slot_bytes(sizes: SlotSizes, itemsize: int) -> int:
        """Return the bytes of one slot whose numbers take `itemsize` bytes."""
        return itemsize * sizes.parameters

    def set_lora(self, slot: int, a: Tensor, b: Tensor) -> None:
        """As in `LoraSlots`."""
        self.a[slot], self.b[slot] = a, b

    def get_lora(self, slot: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """As in `LoraSlots`."""
        return self.a[slot].to(dtype), self.b[slot].to(dtype)

    @property
    def tensors(self) -> Sequence[Tensor]:
        """As in `LoraSlots`."""
        return self.a, self.b


class CardSlots(FloatSlots):
    """Slots of floats for graphics cards: a [slots, inputs, parts * rank], b [blocks, slots, rank, width].

    So the B of all slots are one matrix a block, and one product sums the changes of all adapters.
    """

    def __init__(self, count: int, sizes: SlotSizes, like: Tensor) -> None:
        """As `FloatSlots`."""
        self.count, self.sizes = count, sizes
        self.a = like.new_zeros(count, sizes.inputs, sizes.parts * sizes.rank)
        self._b = like.new_zeros(len(sizes.blocks), count, sizes.rank, sizes.width)
        self.b = self._b.transpose(0, 1)

    def add_all(
        self,
        x: Tensor,
        product: Tensor,
        owners: Tensor,
        zero: Tensor,
        strengths: Tensor | None,
        block_parts: Tensor | None,
    ) -> None:
        """product [tokens, out] += the changes of x [tokens, inputs] by the first LoRA slots, in place.

        owners [tokens, slots, 1] say which slot is a token's, zero [] is one, strengths [tokens, 1, 1] are
        None where all are 1; block_parts [blocks] as in `SlotSizes.blocks`, None for one block a part. What
        other slots give is left out and not multiplied by zero: it may be infinite.
        """
        (tokens, count, _), sizes = owners.shape, self.sizes
        inner = torch.bmm(x.expand(count, -1, -1), self.a[:count]).view(count, tokens, sizes.parts, -1)
        own = inner.new_empty(sizes.parts, tokens, count, sizes.rank)
        torch.where(owners, inner.permute(2, 1, 0, 3), zero, out=own)
        own = own if strengths is None else own.mul_(strengths)
        by_block = own if block_parts is None else own.index_select(0, block_parts)
        by_block, b = by_block.flatten(2), self._b[:, :count].flatten(1, 2)
        if len(b) == 1:
            product.addmm_(by_block[0], b[0])
        else:
            product.view(tokens, len(b), -1).transpose(0, 1).baddbmm_(by_block, b)


class Int8Slots:
    """Slots of 8 bits with a scale for each row: half the bytes that a batch of many adapters reads.

    Logits of the demo adapters in float32 move by 0.001 of how much they vary, where a base model in bfloat16
    alone moves them by 0.07. Four rows are interleaved, as `csrc/lora_products.h` reads them: a int8 [slots,
    inputs / 4, parts * rank, 4], b int8 [slots, blocks, rank / 4, width, 4], scales float32 [slots, inputs]
    and [slots, blocks, rank].
    """

    def __init__(self, count: int, sizes: SlotSizes, like: Tensor | None = None) -> None:
        """`like` does not matter: these slots are for a CPU."""
        self.count, self.sizes = count, sizes
        blocks, inner = len(sizes.blocks), sizes.parts * sizes.rank
        self._a = torch.zeros(count, sizes.inputs // 4, inner, 4, dtype=torch.int8)
        self._b = torch.zeros(count, blocks, sizes.rank // 4, sizes.width, 4, dtype=torch.int8)
        self._a_scales = torch.zeros(count, sizes.inputs)
        self._b_scales = torch.zeros(count, blocks, sizes.rank)
        self.native_matrices = LoraMatrices(*(tensor.data_ptr() for tensor in self.tensors))
        self._block_parts = (INT * blocks)(*sizes.blocks)

    @staticmethod
    def slot_bytes(sizes: SlotSizes, itemsize: int) -> int:
        """Return the bytes of one slot: a byte for a number, and the scales; `itemsize` does not matter."""
        return sizes.parameters + 4 * (sizes.inputs + len(sizes.blocks) * sizes.rank)

    @staticmethod
    def supports(sizes: SlotSizes) -> bool:
        """Return whether `csrc/lora_products.h` reads matrices of these sizes."""
        inner = sizes.parts * sizes.rank
        return not (sizes.inputs % 4 or sizes.rank % 16 or sizes.width % 16) and inner <= MAX_LORA_INNER

    def native_shape(self, is_f32: int) -> LoraShape:
        """Return the sizes as a C structure; `is_f32`: 1 for activations in float32, 0 for bfloat16."""
        sizes, blocks = self.sizes, len(self.sizes.blocks)
        outputs, inner = blocks * sizes.width, sizes.parts * sizes.rank
        block_parts = ctypes.addressof(self._block_parts)
        return LoraShape(sizes.inputs, outputs, inner, sizes.rank, blocks, sizes.width, is_f32, block_parts)

    def set_lora(self, slot: int, a: Tensor, b: Tensor) -> None:
        """As in `LoraSlots`."""
        self._a[slot], self._a_scales[slot] = _quantize_rows(a)
        self._b[slot], self._b_scales[slot] = _quantize_rows(b)

    def get_lora(self, slot: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """As in `LoraSlots`."""
        return (
            _dequantize_rows(self._a[slot], self._a_scales[slot]).to(dtype),
            _dequantize_rows(self._b[slot], self._b_scales[slot]).to(dtype),
        )

    @property
    def tensors(self) -> Sequence[Tensor]:
        """As in `LoraSlots`."""
        return self._a, self._b, self._a_scales, self._b_scales


def resize_slots(slots: LoraSlots, smaller: LoraSlots | None) -> LoraSlots:
    """Copy the adapters of slots that are smaller, or more, into `slots`; return `slots`."""
    if smaller is None:
        return slots
    count = min(slots.count, smaller.count)
    if type(slots) is type(smaller) and slots.sizes == smaller.sizes:
        for new, old in zip(slots.tensors, smaller.tensors, strict=True):
            new[:count] = old[:count]
        return slots
    for slot in range(smaller.count):
        a, b = smaller.get_lora(slot, torch.float32)
        wider_a = a.new_zeros(slots.sizes.inputs, slots.sizes.parts, slots.sizes.rank)
        wider_a[:, :, : smaller.sizes.rank] = a.view(len(a), -1, smaller.sizes.rank)
        longer_b = b.new_zeros(len(b), slots.sizes.rank, b.shape[2])
        longer_b[:, : smaller.sizes.rank] = b
        slots.set_lora(slot, wider_a.flatten(1), longer_b)
    return slots


def _quantize_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """[.., rows, columns] -> int8 [.., rows / 4, columns, 4], and the scale [.., rows] of each row."""
    matrix = matrix.float()
    scales = matrix.abs().amax(-1) / 127
    rounded = (matrix / scales.clamp_min(1e-30)[..., None]).round().to(torch.int8)
    rows, columns = matrix.shape[-2:]
    packed = rounded.view(*matrix.shape[:-2], rows // 4, 4, columns).transpose(-1, -2)
    return packed, scales / _INT8_FACTOR


def _dequantize_rows(packed: Tensor, scales: Tensor) -> Tensor:
    """The inverse of `_quantize_rows`, float32 [.., rows, columns]."""
    rows = packed.transpose(-1, -2).flatten(-3, -2)
    return rows.float() * (scales * _INT8_FACTOR)[..., None]
