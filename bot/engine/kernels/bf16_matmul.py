"""Products in bfloat16 on a CPU that multiplies it itself: by oneDNN, and by ourselves for a few rows."""

from ctypes import c_char

import torch
from torch import Tensor

from bot.engine.kernels.native import MAX_AMX_ROWS, Native

_ROWS = 8  # for which oneDNN chooses the order of weights


class PackedMatmul:
    """bfloat16 weights in the order in which oneDNN reads them, for a CPU that multiplies bfloat16 itself.

    `PlainMatmul` puts them into that order at every call. With AVX-512 BF16 this halves the time of one row
    and of eight, and takes a third off that of 32. The operators are those that torch's own compiler
    calls.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.bfloat16().contiguous(), _ROWS)
        self._bias = None if bias is None else bias.bfloat16()

    @property
    def address(self) -> int:
        """Where the packed weights lie."""
        found: int = torch.ops.mkldnn.data_ptr(self._packed)
        return found

    def find_block_width(self, weight: Tensor) -> int | None:
        """How many outputs lie together: [out / width, in / 2, width, 2]; None where the order is another."""
        out, inputs = weight.shape
        if out % 32 or inputs % 32 or torch.ops.mkldnn._nbytes(self._packed) != weight.nbytes:
            return None
        held = (c_char * weight.nbytes).from_address(self.address)
        packed = torch.frombuffer(held, dtype=torch.bfloat16)
        return next((width for width in (32, 64) if _in_blocks(weight, packed, width)), None)

    def __call__(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise.default(
            x, self._packed, self._bias, "none", [], ""
        )
        return product


class AmxMatmul:
    """`Packed`, with the tiles of newer processors used by ourselves for as few rows as decoding has.

    oneDNN's product waits for memory, since nothing fetches what lies behind the end of a page: 120 products
    of 1 to 16 rows take 14 ms in place of 20 here, with the very same sums.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, native: Native) -> None:
        self._packed = PackedMatmul(weight, bias)
        self._native, self._out, self._inputs = native, *weight.shape
        self._bias = None if bias is None else bias.bfloat16()
        self.block_width, self.address = (
            self._packed.find_block_width(weight.bfloat16()),
            self._packed.address,
        )

    def __call__(self, x: Tensor) -> Tensor:
        if self.block_width is None or not 0 < x.shape[0] <= MAX_AMX_ROWS or not x.is_contiguous():
            return self._packed(x)
        product = self._native.amx_matmul(x, self.address, self.block_width, self._out)
        return product if self._bias is None else product.add_(self._bias)

    @property
    def bias_address(self) -> int:
        """Where the bias lies; 0 without one."""
        return 0 if self._bias is None else self._bias.data_ptr()


def _in_blocks(weight: Tensor, packed: Tensor, width: int) -> bool:
    """Whether the last block of so many outputs lies as `Native.product` reads it, bit by bit."""
    out, inputs = weight.shape
    wanted = weight[-width:].view(width, inputs // 2, 2).transpose(0, 1).reshape(-1)
    return out % width == 0 and torch.equal(
        packed[-len(wanted) :].view(torch.int16), wanted.view(torch.int16)
    )


def has_onednn_bf16(device: str) -> bool:
    """Whether `Packed` runs there."""
    there = device == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
