"""The operations of native.c on tensors, which it reads where they lie."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.lora_slots import Int8Slots
from bot.engine.kernels.structs import FLOAT, INT, LONG, POINTER, AttentionParams, LayerParams, StepParams

MAX_AMX_ROWS = 32  # of a product by tiles
_MOST_GROUP, _MOST_SIZE = 16, 256  # query heads that share a key head; numbers of a head
_FUNCTIONS: dict[str, list[Any]] = {
    "norm": [POINTER] * 3 + [LONG] * 5 + [FLOAT, INT],
    "gate": [POINTER] * 2 + [LONG] * 2 + [INT],
    "rotate": [POINTER] * 3 + [LONG] * 4 + [INT],
    "attend": [POINTER] * 7 + [LONG],
    "change": [POINTER] * 7 + [LONG],
    "product": [POINTER] * 3 + [LONG] * 4,
    "layer": [POINTER] * 6,
}


class LoraTokens:
    """Tokens (place, bay, strength) that adapters change, those of a bay together."""

    def __init__(self, tokens: Sequence[tuple[int, int, float]]) -> None:
        places, bays, strengths = zip(*tokens, strict=True)
        self.count = len(tokens)
        self.arrays = (
            (INT * self.count)(*places),
            (INT * self.count)(*bays),
            (FLOAT * self.count)(*strengths),
        )


class Native:
    """Operations on the CPU, on activations of one `dtype`: float32 or bfloat16."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        self._library, self._dtype, self._wide = library, dtype, int(dtype == torch.float32)
        self.has_amx = bool(library.has_tiles()) and dtype == torch.bfloat16
        for name, arguments in _FUNCTIONS.items():
            if hasattr(library, name):
                getattr(library, name).argtypes = arguments
                getattr(library, name).restype = None

    def accepts(self, x: Tensor) -> bool:
        """Whether it reads x [.., rows, size]: of its dtype, with rows end to end."""
        rows_end_to_end = x.stride(-1) == 1 and x.stride(-2) == x.shape[-1]
        return x.dtype == self._dtype and rows_end_to_end and x.device.type == "cpu"

    def rms_norm(self, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """x [groups, rows, size] / sqrt(sum of squares + epsilon) * weight [size] in float32."""
        groups, rows, size = x.shape
        y = x.new_empty(x.shape)
        where = x.data_ptr(), weight.data_ptr(), y.data_ptr()
        self._library.norm(*where, groups, rows, x.stride(0), rows * size, size, epsilon, self._wide)
        return y

    def silu_and_mul(self, x: Tensor) -> Tensor:
        """silu(x[.., :half]) * x[.., half:]."""
        half = x.shape[-1] // 2
        y = x.new_empty((*x.shape[:-1], half))
        self._library.gate(x.data_ptr(), y.data_ptr(), y.numel() // half, half, self._wide)
        return y

    def rotary_embedding(self, x: Tensor, turning: int, cos: Tensor, sin: Tensor) -> None:
        """Turn the first heads of x [tokens, heads, size], in place, by cos and sin [1, tokens, size]."""
        where = x.data_ptr(), cos.data_ptr(), sin.data_ptr()
        tokens, heads, size = x.shape
        self._library.rotate(*where, tokens, heads, turning, size, self._wide)

    @staticmethod
    def supports_attention(size: int, group: int) -> bool:
        """Whether it computes such attention: heads of whole lanes, few enough of which share a key."""
        return size % 32 == 0 and size <= _MOST_SIZE and group <= _MOST_GROUP

    def decode_attention(
        self, query: Tensor, pair: Tensor, cache: Tensor, out: Tensor, rows: Any, shape: AttentionShape
    ) -> None:
        """Write keys and values of single tokens into their rows, and attend over these, into `out`.

        query [tokens, heads, size], pair [tokens, 2, kv heads, size], cache [2, slots, kv heads, capacity,
        size], out [tokens, heads * size]; rows: an array of (place, slot, length) for each such token.
        """
        query = query if self.accepts(query) else query.contiguous()
        together = self.accepts(pair) and pair.stride(1) == pair.shape[2] * pair.shape[3]
        pair = pair if together else pair.contiguous()
        _, slots, heads, capacity, size = cache.shape
        apart = query.stride(0), pair.stride(0)
        how = AttentionParams(
            *(slots, capacity, heads, query.shape[1] // heads, size, shape.window or 0, *apart, self._wide),
            *(shape.scale, shape.softcap or 0),
        )
        value = pair.data_ptr() + pair.stride(1) * pair.element_size()
        where = query.data_ptr(), pair.data_ptr(), value, cache.data_ptr(), out.data_ptr()
        self._library.attend(ctypes.byref(how), *where, rows, len(rows) // 3)

    def add_lora(self, bays: Int8Slots, x: Tensor, y: Tensor, changed: LoraTokens) -> None:
        """y[place] += strength * (x[place] A) B, of the bay of each token."""
        where = (
            ctypes.byref(bays.native_shape(self._wide)),
            ctypes.byref(bays.native_matrices),
            x.data_ptr(),
            y.data_ptr(),
        )
        self._library.change(*where, *changed.arrays, changed.count)

    def amx_matmul(self, x: Tensor, weights: int, width: int, out: int) -> Tensor:
        """x [rows, in] times weights [out, in] that oneDNN packed, at an address, in blocks of a width."""
        rows, inputs = x.shape
        y = x.new_empty(rows, out)
        self._library.product(x.data_ptr(), weights, y.data_ptr(), rows, inputs, out, width)
        return y

    def decoder_layer(
        self,
        layer: LayerParams,
        pass_: StepParams,
        caches: Sequence[int],
        cos: Tensor,
        sin: Tensor,
        hidden: Tensor,
    ) -> None:
        """A whole layer, which changes hidden [1, tokens, size] in place; `caches` is where its keys lie."""
        pointers = (POINTER * len(caches))(*caches)
        where = cos.data_ptr(), sin.data_ptr(), hidden.data_ptr()
        self._library.layer(ctypes.byref(layer), ctypes.byref(pass_), pointers, *where)
