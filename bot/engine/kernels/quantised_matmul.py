"""Products and embeddings of quantised weights, which stay as files hold them."""

import ctypes
import logging
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import linear

from bot.engine.kernels.native import Native
from bot.engine.kernels.structs import QUANTISED_TYPES, QuantisedParams, QuantisedSegment
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.dequantization import dequantise, dequantise_rows, dequantised_pieces
from bot.engine.quantization.packed_matrix import PackedMatrix, packed_row_bytes

logger = logging.getLogger(__name__)

_TRIED_ROWS, _TRIED_COLUMNS, _TRIED_TOKENS = 37, 512, 13  # and the first of the tokens alone
_MOST_ERROR = 0.03  # of a product's norm: activations in 8 bits, and bfloat16, cost 0.01


class QuantisedMatmul:
    """The product with packed matrices that read the same input, their outputs one after the other.

    By `Native.quantised_matmul` where there is a library that multiplies these types as `dequantise` says;
    else each piece of the matrices is dequantised at every call.
    """

    def __init__(self, matrices: Sequence[PackedMatrix], bias: Tensor | None, native: Native | None) -> None:
        """bias [out]. Raises `ValueError` where the matrices have other inputs than the first."""
        if len({matrix.columns for matrix in matrices}) != 1:
            raise ValueError("the matrices read inputs of several sizes")
        self._matrices = tuple(map(_contiguous, matrices))
        self._bias = None if bias is None else bias.float()
        self._native = native if native is not None and _multiplies(native, self._types) else None
        self._segments = (QuantisedSegment * len(matrices))(*map(_segment, self._matrices))
        self.params = self._new_params()

    @property
    def matrices(self) -> Sequence[PackedMatrix]:
        """The packed matrices, with contiguous rows."""
        return self._matrices

    @property
    def _types(self) -> list[str]:
        return sorted({matrix.type.name for matrix in self._matrices})

    def _new_params(self) -> QuantisedParams:
        outputs = sum(matrix.rows for matrix in self._matrices)
        bias = None if self._bias is None else self._bias.data_ptr()
        segments = ctypes.cast(self._segments, ctypes.c_void_p)
        is_f32 = 0 if self._native is None else self._native.is_f32
        return QuantisedParams(
            segments, bias, len(self._matrices), self._matrices[0].columns, outputs, is_f32
        )

    @property
    def is_native(self) -> bool:
        """True when native.c multiplies with `params`."""
        return self._native is not None

    def __call__(self, x: Tensor) -> Tensor:
        if self._native is not None and self._native.accepts(x):
            return self._native.quantised_matmul(self.params, x)
        return self._plain_product(x)

    def _plain_product(self, x: Tensor) -> Tensor:
        product = x.new_empty(len(x), self.params.outputs)
        end = 0
        for matrix in self._matrices:
            for start, weight in dequantised_pieces(matrix):
                chosen = slice(end + start, end + start + len(weight))
                product[:, chosen] = linear(x, weight.to(x.dtype))
            end += matrix.rows
        return product if self._bias is None else product.add_(self._bias)

    def take_bias(self) -> Tensor | None:
        """Return the bias [out], None without one; products are without it from now on."""
        bias, self._bias = self._bias, None
        self.params.bias = None
        return bias


class QuantisedEmbedding(torch.nn.Module):
    """The rows of a packed matrix by token id, in the dtype of the activations."""

    def __init__(self, matrix: PackedMatrix, dtype: torch.dtype, scale: float = 1.0) -> None:
        """`scale` multiplies each row."""
        super().__init__()
        self.matrix, self._dtype, self._scale = matrix, dtype, scale
        self.num_embeddings, self.embedding_dim = matrix.rows, matrix.columns
        self.register_buffer("blocks", matrix.data, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [..] -> [.., columns]."""
        rows = dequantise_rows(self.matrix, ids)
        return (rows if self._scale == 1 else rows.mul_(self._scale)).to(self._dtype)


def _contiguous(matrix: PackedMatrix) -> PackedMatrix:
    order = matrix.row_order
    return PackedMatrix(
        matrix.data.contiguous(), matrix.type, None if order is None else order.long().contiguous()
    )


def _segment(matrix: PackedMatrix) -> QuantisedSegment:
    order = None if matrix.row_order is None else matrix.row_order.data_ptr()
    number = QUANTISED_TYPES.index(matrix.type.name)
    return QuantisedSegment(matrix.data.data_ptr(), order, matrix.rows, matrix.data.shape[1], number)


def _multiplies(native: Native, type_names: Sequence[str]) -> bool:
    """Return whether the library multiplies all these types as their formulas say."""
    return all(_is_right(native, name) for name in type_names)


@lru_cache(maxsize=64)
def _is_right(native: Native, type_name: str) -> bool:
    """Try a type against its formula on random codes; log it where the library is wrong."""
    matrix = _random_matrix(type_name)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(_TRIED_TOKENS, _TRIED_COLUMNS, generator=generator).to(native.dtype)
    segment = ctypes.cast(ctypes.pointer(_segment(matrix)), ctypes.c_void_p)
    params = QuantisedParams(segment, None, 1, matrix.columns, matrix.rows, native.is_f32)
    expected = linear(x.float(), dequantise(matrix))
    products = torch.cat((native.quantised_matmul(params, x), native.quantised_matmul(params, x[:1])))
    expected = torch.cat((expected, expected[:1]))
    error = (products.float() - expected).norm() / expected.norm()
    if not error < _MOST_ERROR:
        fields = {"fallback": "torch", "type": type_name, "error": float(error)}
        logger.info("quantised_matmul_unavailable", extra=fields)
    return bool(error < _MOST_ERROR)


def _random_matrix(type_name: str) -> PackedMatrix:
    """Return a matrix of random bytes whose scales are finite: their exponents lie within the float16's."""
    kind = BLOCK_TYPES[type_name]
    generator = torch.Generator().manual_seed(0)
    shape = _TRIED_ROWS, packed_row_bytes(_TRIED_COLUMNS, type_name)
    data = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    blocks = data.view(-1, kind.bytes)
    for at in _SCALES.get(type_name, (0,)):
        if kind.gguf is None:
            blocks[:, :4] = torch.rand(len(blocks), 1, generator=generator).view(torch.uint8)
        else:
            blocks[:, at : at + 2] = torch.rand(len(blocks), 1, generator=generator).half().view(torch.uint8)
    return PackedMatrix(data, kind)


_SCALES = {name: (0, 2) for name in ("Q4_1", "Q5_1", "Q4_K", "Q5_K")} | {"Q6_K": (208,)}  # bytes of float16s
