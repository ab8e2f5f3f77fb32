"""Products in bfloat16 on a CPU that multiplies bfloat16: by oneDNN, and by AMX tiles for a few rows."""

from ctypes import c_char

import torch
from torch import Tensor

from bot.engine.kernels import compat
from bot.engine.kernels.native import MAX_AMX_ROWS, Native


class PackedMatmul:
    """bfloat16 weights in the order in which oneDNN reads them, for a CPU that multiplies bfloat16.

    `PlainMatmul` reorders the weights at every call. With AVX-512 BF16 this class halves the time of one row
    and of eight, and takes a third off that of 32. The operators are those that inductor calls.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._packed = compat.pack_bf16_weight(weight.bfloat16().contiguous())
        self._bias = None if bias is None else bias.bfloat16()
        self._linear = compat.packed_linear()

    @property
    def address(self) -> int:
        """The address of the packed weights."""
        return compat.packed_address(self._packed)

    def find_block_width(self, weight: Tensor) -> int | None:
        """Return the width of oneDNN's order [out / width, in / 2, width, 2]; None for another order.

        weight [out, in] is the weight that was packed, bfloat16.
        """
        out, inputs = weight.shape
        if out % 32 or inputs % 32 or compat.packed_bytes(self._packed) != weight.nbytes:
            return None
        memory = (c_char * weight.nbytes).from_address(self.address)
        packed = torch.frombuffer(memory, dtype=torch.bfloat16)
        return next((width for width in (32, 64) if _has_blocks(weight, packed, width)), None)

    def __call__(self, x: Tensor) -> Tensor:
        return self._linear(x, self._packed, self._bias, "none", [], "")


class AmxMatmul:
    """A `PackedMatmul` whose products of at most `MAX_AMX_ROWS` rows are computed by `Native.amx_matmul`.

    oneDNN's product waits for memory, since nothing prefetches beyond the end of a memory page: 120 products
    of 1 to 16 rows take 14 ms in place of 20 here, with the very same sums.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, native: Native) -> None:
        self._packed = PackedMatmul(weight, bias)
        self._native, self._out = native, weight.shape[0]
        self._bias = None if bias is None else bias.bfloat16()
        self.block_width = self._packed.find_block_width(weight.bfloat16())
        self.address = self._packed.address

    def __call__(self, x: Tensor) -> Tensor:
        if self.block_width is None or not 0 < x.shape[0] <= MAX_AMX_ROWS or not x.is_contiguous():
            return self._packed(x)
        product = self._native.amx_matmul(x, self.address, self.block_width, self._out)
        return product if self._bias is None else product.add_(self._bias)

    @property
    def bias_address(self) -> int:
        """The address of the bias; 0 without one."""
        return 0 if self._bias is None else self._bias.data_ptr()


def _has_blocks(weight: Tensor, packed: Tensor, width: int) -> bool:
    """Return whether the last `width` outputs lie as `Native.amx_matmul` reads them, bit by bit."""
    out, inputs = weight.shape
    expected = weight[-width:].view(width, inputs // 2, 2).transpose(0, 1).reshape(-1)
    return out % width == 0 and torch.equal(
        packed[-len(expected) :].view(torch.int16), expected.view(torch.int16)
    )


def has_onednn_bf16(device: str) -> bool:
    """Return whether `PackedMatmul` runs on this device ("cpu", "cuda")."""
    has_onednn = device == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_onednn and compat.onednn_multiplies_bf16()
