"""The operations of `csrc/` on tensors, which the library reads and writes in place."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.lora_slots import Int8Slots
from bot.engine.kernels.structs import (
    FLOAT,
    INT,
    LONG,
    POINTER,
    AttentionParams,
    LayerParams,
    QuantisedParams,
    StepParams,
)

MAX_AMX_ROWS = 32  # of a product by AMX tiles
_MAX_GROUP, _MAX_HEAD_SIZE = 16, 256  # query heads that share a key head; numbers of a head
_RECORD_BYTES = 52  # of 32 quantised activations of a token
_SIGNATURES: dict[str, list[Any]] = {
    "rms_norm": [POINTER] * 3 + [LONG] * 5 + [FLOAT, INT],
    "silu_and_mul": [POINTER] * 2 + [LONG] * 2 + [INT],
    "rotary_embedding": [POINTER] * 3 + [LONG] * 4 + [INT],
    "decode_attention": [POINTER] * 7 + [LONG],
    "add_lora": [POINTER] * 7 + [LONG],
    "amx_matmul": [POINTER] * 3 + [LONG] * 4,
    "decoder_layer": [POINTER] * 6,
    "quantised_matmul": [POINTER] * 4 + [LONG],
}


class LoraTokens:
    """Tokens (index, LoRA slot, strength) under adapters, as C arrays; tokens of one slot are together."""

    def __init__(self, tokens: Sequence[tuple[int, int, float]]) -> None:
        indices, slots, strengths = zip(*tokens, strict=True)
        self.count = len(tokens)
        self.arrays = (
            (INT * self.count)(*indices),
            (INT * self.count)(*slots),
            (FLOAT * self.count)(*strengths),
        )


class Native:
    """Operations on the CPU, on activations of one `dtype`: float32 or bfloat16."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        self._library, self.dtype, self.is_f32 = library, dtype, int(dtype == torch.float32)
        self.has_amx = bool(library.has_amx()) and dtype == torch.bfloat16
        for name, arguments in _SIGNATURES.items():
            if hasattr(library, name):
                getattr(library, name).argtypes = arguments
                getattr(library, name).restype = None

    def accepts(self, x: Tensor) -> bool:
        """Return whether x [.., rows, size] is on the CPU, of this dtype, with contiguous rows."""
        is_contiguous = x.stride(-1) == 1 and x.stride(-2) == x.shape[-1]
        return x.dtype == self.dtype and is_contiguous and x.device.type == "cpu"

    def rms_norm(self, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """x [groups, rows, size] / sqrt(sum of squares + epsilon) * weight [size], float32."""
        groups, rows, size = x.shape
        y = x.new_empty(x.shape)
        addresses = x.data_ptr(), weight.data_ptr(), y.data_ptr()
        self._library.rms_norm(*addresses, groups, rows, x.stride(0), rows * size, size, epsilon, self.is_f32)
        return y

    def silu_and_mul(self, x: Tensor) -> Tensor:
        """silu(x[.., :half]) * x[.., half:], [.., half], for x [.., 2 * half]."""
        half = x.shape[-1] // 2
        y = x.new_empty((*x.shape[:-1], half))
        self._library.silu_and_mul(x.data_ptr(), y.data_ptr(), y.numel() // half, half, self.is_f32)
        return y

    def rotary_embedding(self, x: Tensor, rotated: int, cos: Tensor, sin: Tensor) -> None:
        """Apply rotary positions in place to the first `rotated` heads of x [tokens, heads, size].

        cos and sin [1, tokens, size] have the dtype of x.
        """
        addresses = x.data_ptr(), cos.data_ptr(), sin.data_ptr()
        tokens, heads, size = x.shape
        self._library.rotary_embedding(*addresses, tokens, heads, rotated, size, self.is_f32)

    @staticmethod
    def supports_attention(size: int, group: int) -> bool:
        """Return whether the library attends with heads of `size` numbers, `group` for each key head."""
        return size % 32 == 0 and size <= _MAX_HEAD_SIZE and group <= _MAX_GROUP

    def decode_attention(
        self, query: Tensor, pair: Tensor, cache: Tensor, out: Tensor, targets: Any, shape: AttentionShape
    ) -> None:
        """Append keys and values of decoding tokens to their KV slots, and attend over the slots into `out`.

        query [tokens, heads, size], pair [tokens, 2, kv heads, size], cache [2, slots, kv heads, capacity,
        size], out [tokens, heads * size]; targets: a C array of int [3 * count], for each decoding token its
        index, the index of its KV slot and the slot's length.
        """
        query = query if self.accepts(query) else query.contiguous()
        is_contiguous = self.accepts(pair) and pair.stride(1) == pair.shape[2] * pair.shape[3]
        pair = pair if is_contiguous else pair.contiguous()
        _, slots, heads, capacity, size = cache.shape
        group, window, strides = query.shape[1] // heads, shape.window or 0, (query.stride(0), pair.stride(0))
        params = AttentionParams(
            *(slots, capacity, heads, group, size, window, *strides, self.is_f32),
            *(shape.scale, shape.softcap or 0),
        )
        value = pair.data_ptr() + pair.stride(1) * pair.element_size()
        addresses = query.data_ptr(), pair.data_ptr(), value, cache.data_ptr(), out.data_ptr()
        self._library.decode_attention(ctypes.byref(params), *addresses, targets, len(targets) // 3)

    def add_lora(self, slots: Int8Slots, x: Tensor, y: Tensor, tokens: LoraTokens) -> None:
        """y[token] += strength * (x[token] A) B in place, with the matrices of each token's LoRA slot.

        x [tokens, inputs], y [tokens, outputs].
        """
        params = ctypes.byref(slots.native_shape(self.is_f32)), ctypes.byref(slots.native_matrices)
        x, out = self._accepted(x), self._accepted(y)
        self._library.add_lora(*params, x.data_ptr(), out.data_ptr(), *tokens.arrays, tokens.count)
        if out is not y:
            y.copy_(out)

    def _accepted(self, x: Tensor) -> Tensor:
        """Return x itself, or a copy where `accepts` refuses it."""
        return x if self.accepts(x) else x.to(self.dtype).contiguous()

    def amx_matmul(self, x: Tensor, weights: int, block_width: int, out: int) -> Tensor:
        """x [rows, in] times W^T, [rows, out], for at most `MAX_AMX_ROWS` rows.

        `weights`: the address of W in oneDNN's order [out / block_width, in / 2, block_width, 2].
        """
        rows, inputs = x.shape
        y = x.new_empty(rows, out)
        self._library.amx_matmul(x.data_ptr(), weights, y.data_ptr(), rows, inputs, out, block_width)
        return y

    def quantised_matmul(self, params: QuantisedParams, x: Tensor) -> Tensor:
        """x [rows, in] times packed matrices, plus their bias, [rows, out], in the dtype of x."""
        rows, inputs = x.shape
        y = x.new_empty(rows, params.outputs)
        scratch = self.quantised_scratch(rows, inputs)
        addresses = x.data_ptr(), y.data_ptr(), scratch.data_ptr()
        self._library.quantised_matmul(ctypes.byref(params), *addresses, rows)
        return y

    @staticmethod
    def quantised_scratch(rows: int, inputs: int) -> Tensor:
        """Return memory for the activations of a quantised product, uint8."""
        return torch.empty(rows * (-(-inputs // 32)) * _RECORD_BYTES, dtype=torch.uint8)

    def decoder_layer(
        self,
        layer: LayerParams,
        step: StepParams,
        caches: Sequence[int],
        cos: Tensor,
        sin: Tensor,
        hidden: Tensor,
    ) -> None:
        """Run a whole decoder layer on hidden [1, tokens, size] in place.

        `caches`: the addresses of the layer's KV tensors, one for each slab. cos and sin [1, tokens, head
        size].
        """
        pointers = (POINTER * len(caches))(*caches)
        addresses = cos.data_ptr(), sin.data_ptr(), hidden.data_ptr()
        self._library.decoder_layer(ctypes.byref(layer), ctypes.byref(step), pointers, *addresses)
