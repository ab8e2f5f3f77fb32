"""The live adapters' matrices of one projection, side by side: as they are, or in 8 bits for native.c."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bot.engine.kernels.structs import INT, MAX_LORA_INNER, LoraMatrices, LoraShape

_NATIVE = 2.0**24  # by how much native.c reads numbers of 8 bits too large


@dataclass(frozen=True, slots=True)
class SlotSizes:
    """An adapter's A is [inputs, parts * rank], its B [blocks, rank, width].

    `blocks` cut all parts into equal widths, and name the part that each comes from.
    """

    inputs: int
    parts: int
    blocks: tuple[int, ...]
    rank: int
    width: int

    @property
    def parameters(self) -> int:
        """Of one adapter."""
        return self.rank * (self.inputs * self.parts + len(self.blocks) * self.width)


class LoraSlots(Protocol):
    """Room for so many adapters, zero at first."""

    count: int
    sizes: SlotSizes

    def set_lora(self, bay: int, a: Tensor, b: Tensor) -> None:
        """Give a bay to these matrices."""

    def get_lora(self, bay: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A bay's matrices."""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """All that it holds, by bay."""


class FloatSlots:
    """As they are: a [bays, inputs, parts * rank], b [bays, blocks, rank, width]."""

    def __init__(self, count: int, sizes: SlotSizes, like: Tensor) -> None:
        self.count, self.sizes = count, sizes
        self.a = like.new_zeros(count, sizes.inputs, sizes.parts * sizes.rank)
        self.b = like.new_zeros(count, len(sizes.blocks), sizes.rank, sizes.width)

    def set_lora(self, bay: int, a: Tensor, b: Tensor) -> None:
        """As in `LoraSlots`."""
        self.a[bay], self.b[bay] = a, b

    def get_lora(self, bay: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """As in `LoraSlots`."""
        return self.a[bay].to(dtype), self.b[bay].to(dtype)

    @property
    def tensors(self) -> Sequence[Tensor]:
        """As in `LoraSlots`."""
        return self.a, self.b


class Int8Slots:
    """In 8 bits: half of what a batch of many adapters reads, with a scale for every row.

    Logits of the demo adapters in float32 move by 0.001 of how much they vary, where a base model in bfloat16
    alone moves them by 0.07. Four rows lie together, as native.c reads them.
    """

    def __init__(self, count: int, sizes: SlotSizes) -> None:
        self.count, self.sizes = count, sizes
        blocks, inner = len(sizes.blocks), sizes.parts * sizes.rank
        self._a = torch.zeros(count, sizes.inputs // 4, inner, 4, dtype=torch.int8)
        self._b = torch.zeros(count, blocks, sizes.rank // 4, sizes.width, 4, dtype=torch.int8)
        self._a_scales, self._b_scales = (
            torch.zeros(count, sizes.inputs),
            torch.zeros(count, blocks, sizes.rank),
        )
        self.native_matrices = LoraMatrices(*(tensor.data_ptr() for tensor in self.tensors))
        self._chosen = (INT * blocks)(*sizes.blocks)

    @staticmethod
    def supports(sizes: SlotSizes) -> bool:
        """Whether native.c can read such matrices."""
        inner = sizes.parts * sizes.rank
        return not (sizes.inputs % 4 or sizes.rank % 16 or sizes.width % 16) and inner <= MAX_LORA_INNER

    def native_shape(self, wide: int) -> LoraShape:
        """The sizes as native.c takes them; `wide`: activations are in float32."""
        sizes, blocks = self.sizes, len(self.sizes.blocks)
        outputs, inner = blocks * sizes.width, sizes.parts * sizes.rank
        chosen = ctypes.addressof(self._chosen)
        return LoraShape(sizes.inputs, outputs, inner, sizes.rank, blocks, sizes.width, wide, chosen)

    def set_lora(self, bay: int, a: Tensor, b: Tensor) -> None:
        """As in `LoraSlots`."""
        self._a[bay], self._a_scales[bay] = _quantize_rows(a)
        self._b[bay], self._b_scales[bay] = _quantize_rows(b)

    def get_lora(self, bay: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """As in `LoraSlots`."""
        return (
            _dequantize_rows(self._a[bay], self._a_scales[bay]).to(dtype),
            _dequantize_rows(self._b[bay], self._b_scales[bay]).to(dtype),
        )

    @property
    def tensors(self) -> Sequence[Tensor]:
        """As in `LoraSlots`."""
        return self._a, self._b, self._a_scales, self._b_scales


def resize_slots(bays: LoraSlots, was: LoraSlots | None) -> LoraSlots:
    """With the adapters of smaller ones."""
    if was is None:
        return bays
    if type(bays) is type(was) and bays.sizes == was.sizes:
        for mine, theirs in zip(bays.tensors, was.tensors, strict=True):
            mine[: was.count] = theirs
        return bays
    for bay in range(was.count):
        a, b = was.get_lora(bay, torch.float32)
        wider = torch.zeros(bays.sizes.inputs, bays.sizes.parts, bays.sizes.rank)
        wider[:, :, : was.sizes.rank] = a.view(len(a), -1, was.sizes.rank)
        longer = torch.zeros(len(b), bays.sizes.rank, b.shape[2])
        longer[:, : was.sizes.rank] = b
        bays.set_lora(bay, wider.flatten(1), longer)
    return bays


def _quantize_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """[.., rows, columns] in 8 bits [.., rows / 4, columns, 4], and the scale [.., rows] of each row."""
    matrix = matrix.float()
    scales = matrix.abs().amax(-1) / 127
    whole = (matrix / scales.clamp_min(1e-30)[..., None]).round().to(torch.int8)
    rows, columns = matrix.shape[-2:]
    packed = whole.view(*matrix.shape[:-2], rows // 4, 4, columns).transpose(-1, -2)
    return packed, scales / _NATIVE


def _dequantize_rows(packed: Tensor, scales: Tensor) -> Tensor:
    """The inverse."""
    rows = packed.transpose(-1, -2).flatten(-3, -2)
    return rows.float() * (scales * _NATIVE)[..., None]
