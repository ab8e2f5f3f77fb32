"""The operations of native.c on tensors; `Native.suits` and `takes` say which ones it can be given."""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bot.engine.attend import Shape

MOST_ROWS = 32  # of a product by tiles
MOST_INNER = 1024  # numbers between an adapter's two matrices, all parts together
_MOST_GROUP, _MOST_SIZE, _MOST_CHANGED = 16, 256, 1024
_POINTER, _LONG, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float
_FUNCTIONS: dict[str, list[Any]] = {
    "norm": [_POINTER] * 3 + [_LONG] * 5 + [_FLOAT, _INT],
    "gate": [_POINTER] * 2 + [_LONG] * 2 + [_INT],
    "rotate": [_POINTER] * 3 + [_LONG] * 4 + [_INT],
    "attend": [_POINTER] * 7 + [_LONG],
    "change": [_POINTER] * 8 + [_LONG],
    "product": [_POINTER] * 3 + [_LONG] * 4,
}
_ATTENTION = ("slots", "capacity", "heads", "group", "size", "window", "query_apart", "key_apart", "wide")
_CHANGE = ("inputs", "outputs", "inner", "rank", "blocks", "width", "wide")


class _Attention(ctypes.Structure):
    _fields_ = [*((name, _LONG) for name in _ATTENTION), ("scale", _FLOAT), ("softcap", _FLOAT)]


class Change(ctypes.Structure):
    """The sizes of a projection's adapters, and for each block of outputs its part of the inner numbers."""

    _fields_ = [*((name, _LONG) for name in _CHANGE), ("chosen", _POINTER)]


class Singles:
    """Tokens (place, bay, strength) that stand alone, for `Native.change`."""

    def __init__(self, tokens: Sequence[tuple[int, int, float]]) -> None:
        places, bays, strengths = zip(*tokens, strict=True)
        self.count = len(tokens)
        self.arrays = (
            (_INT * self.count)(*places),
            (_INT * self.count)(*bays),
            (_FLOAT * self.count)(*strengths),
        )


class Native:
    """Operations on the CPU, on activations of one `dtype`: float32 or bfloat16."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        self._library, self._dtype, self._wide = library, dtype, int(dtype == torch.float32)
        self.tiles = bool(library.has_tiles()) and dtype == torch.bfloat16
        for name, arguments in _FUNCTIONS.items():
            if hasattr(library, name):
                getattr(library, name).argtypes = arguments
                getattr(library, name).restype = None

    def takes(self, x: Tensor) -> bool:
        """Whether it reads x [.., rows, size]: of its dtype, with rows end to end."""
        rows_end_to_end = x.stride(-1) == 1 and x.stride(-2) == x.shape[-1]
        return x.dtype == self._dtype and rows_end_to_end and x.device.type == "cpu"

    def norm(self, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """x [groups, rows, size] / sqrt(sum of squares + epsilon) * weight [size] in float32."""
        groups, rows, size = x.shape
        y = x.new_empty(x.shape)
        where = x.data_ptr(), weight.data_ptr(), y.data_ptr()
        self._library.norm(*where, groups, rows, x.stride(0), rows * size, size, epsilon, self._wide)
        return y

    def gate(self, x: Tensor) -> Tensor:
        """silu(x[.., :half]) * x[.., half:]."""
        half = x.shape[-1] // 2
        y = x.new_empty((*x.shape[:-1], half))
        self._library.gate(x.data_ptr(), y.data_ptr(), y.numel() // half, half, self._wide)
        return y

    def rotate(self, x: Tensor, turning: int, cos: Tensor, sin: Tensor) -> None:
        """Turn the first heads of x [tokens, heads, size], in place, by cos and sin [1, tokens, size]."""
        where = x.data_ptr(), cos.data_ptr(), sin.data_ptr()
        tokens, heads, size = x.shape
        self._library.rotate(*where, tokens, heads, turning, size, self._wide)

    def attends(self, query: Tensor, pair: Tensor) -> bool:
        """Whether it computes such attention: heads of whole lanes, few enough of which share a key."""
        size, group = query.shape[-1], query.shape[1] // pair.shape[2]
        alike = query.dtype == self._dtype and query.device.type == "cpu"
        return alike and size % 32 == 0 and size <= _MOST_SIZE and group <= _MOST_GROUP

    def attend(
        self, query: Tensor, pair: Tensor, cache: Tensor, out: Tensor, rows: Any, shape: Shape
    ) -> None:
        """Write keys and values of single tokens into their rows, and attend over these, into `out`.

        query [tokens, heads, size], pair [tokens, 2, kv heads, size], cache [2, slots, kv heads, capacity,
        size], out [tokens, heads * size]; rows: an array of (place, slot, length) for each such token.
        """
        query = query if self.takes(query) else query.contiguous()
        together = self.takes(pair) and pair.stride(1) == pair.shape[2] * pair.shape[3]
        pair = pair if together else pair.contiguous()
        _, slots, heads, capacity, size = cache.shape
        apart = query.stride(0), pair.stride(0)
        how = _Attention(
            *(slots, capacity, heads, query.shape[1] // heads, size, shape.window or 0, *apart, self._wide),
            *(shape.scale, shape.softcap or 0),
        )
        value = pair.data_ptr() + pair.stride(1) * pair.element_size()
        where = query.data_ptr(), pair.data_ptr(), value, cache.data_ptr(), out.data_ptr()
        self._library.attend(ctypes.byref(how), *where, rows, len(rows) // 3)

    def change_of(
        self, inputs: int, parts: int, rank: int, blocks: Sequence[int], width: int
    ) -> Change | None:
        """The sizes of adapters that it can multiply with; None for others."""
        inner = parts * rank
        if inner % 16 or inner > MOST_INNER or width % 32:
            return None
        chosen = (_INT * len(blocks))(*blocks)
        sizes = inputs, len(blocks) * width, inner, rank, len(blocks), width, self._wide
        made = Change(*sizes, ctypes.addressof(chosen))
        made.kept = chosen  # for as long as it is pointed at
        return made

    def changes(self, singles: Singles, x: Tensor, a: Tensor) -> bool:
        """Whether it can add these tokens' adapters."""
        return singles.count <= _MOST_CHANGED and a.dtype == torch.bfloat16 and self.takes(x)

    def change(self, how: Change, x: Tensor, a: Tensor, b: Tensor, y: Tensor, singles: Singles) -> None:
        """y[place] += strength * (x[place] A) B: a [bays, inputs, inner], b [bays, blocks, rank, width]."""
        where = x.data_ptr(), a.data_ptr(), b.data_ptr(), y.data_ptr()
        self._library.change(ctypes.byref(how), *where, *singles.arrays, singles.count)

    def product(self, x: Tensor, weights: int, width: int, out: int) -> Tensor:
        """x [rows, in] times weights [out, in] that oneDNN packed, at an address, in blocks of a width."""
        rows, inputs = x.shape
        y = x.new_empty(rows, out)
        self._library.product(x.data_ptr(), weights, y.data_ptr(), rows, inputs, out, width)
        return y
