"""Products and embeddings of packed matrices, by the library and by torch's operators."""

import logging
from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from bot.engine.kernels import quantised_matmul
from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.native import Native
from bot.engine.kernels.quantised_matmul import QuantisedEmbedding, QuantisedMatmul
from bot.engine.kernels.structs import QUANTISED_TYPES
from bot.engine.kernels.toolchain import find_toolchains
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.dequantization import dequantise
from bot.engine.quantization.packed_matrix import PackedMatrix
from bot.engine.quantization.packing import pack

needs_compiler = pytest.mark.skipif(not [*find_toolchains()], reason="this machine compiles no library")
DTYPES = [torch.float32, torch.bfloat16]


@cache
def native(dtype: torch.dtype) -> Native:
    library = load_library()
    assert library is not None
    return Native(library, dtype)


def random_numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def packed(rows: int, columns: int, type_name: str = "Q8_0", ordered: bool = False) -> PackedMatrix:
    matrix = pack(random_numbers(rows, columns), type_name)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(2)) if ordered else None
    return PackedMatrix(matrix.data, matrix.type, order)


@needs_compiler
def test_the_library_has_every_type_and_passes_its_trial() -> None:
    assert list(BLOCK_TYPES) == QUANTISED_TYPES
    for dtype in DTYPES:
        assert all(quantised_matmul._is_right(native(dtype), name) for name in BLOCK_TYPES)


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tokens", [1, 2, 13, 40, 200])
def test_products_of_several_matrices_stand_side_by_side(dtype: torch.dtype, tokens: int) -> None:
    matrices = [packed(48, 320), packed(5, 320, "NF4"), packed(33, 320, "Q8_0", ordered=True)]
    x, bias = random_numbers(tokens, 320).to(dtype), torch.arange(86.0)
    expected = linear(x.float(), torch.cat([dequantise(matrix) for matrix in matrices]), bias)
    product = QuantisedMatmul(matrices, bias, native(dtype))(x)
    assert product.dtype == dtype
    assert (product.float() - expected).norm() / expected.norm() < 0.01


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("type_name", BLOCK_TYPES)
def test_a_tokens_product_does_not_depend_on_its_neighbours(dtype: torch.dtype, type_name: str) -> None:
    kernel = QuantisedMatmul([quantised_matmul._random_matrix(type_name)], None, native(dtype))
    x = random_numbers(110, 512).to(dtype)
    together = kernel(x)
    for start, end in [(0, 1), (3, 5), (7, 15), (15, 29), (40, 104), (109, 110)]:
        assert torch.equal(kernel(x[start:end].contiguous()), together[start:end])


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_the_library_pieces_are_dequantised_at_each_call(dtype: torch.dtype) -> None:
    matrices = [packed(7, 128), packed(9, 128, "NF4", ordered=True)]
    x, bias = random_numbers(3, 128).to(dtype), torch.arange(16.0)
    plain = torch.cat([dequantise(matrix) for matrix in matrices])
    expected = linear(x, plain.to(dtype)) + bias.to(dtype)
    torch.testing.assert_close(QuantisedMatmul(matrices, bias, None)(x), expected)


@pytest.mark.parametrize(
    "native_of", [pytest.param(native, marks=needs_compiler), lambda dtype: None], ids=["library", "torch"]
)
def test_a_taken_bias_is_added_no_more(native_of: Callable[[torch.dtype], Native | None]) -> None:
    bias, x = torch.arange(8.0), random_numbers(2, 64)
    kernel = QuantisedMatmul([packed(8, 64)], bias, native_of(torch.float32))
    before = kernel(x)
    taken = kernel.take_bias()
    assert taken is not None
    torch.testing.assert_close(kernel(x) + taken, before)
    assert kernel.take_bias() is None


@needs_compiler
def test_broken_activations_stay_visible() -> None:
    x = random_numbers(3, 64)
    x[1, 5], x[2, 40] = float("nan"), float("inf")
    finite = QuantisedMatmul([packed(8, 64)], None, native(torch.float32))(x).isfinite()
    assert finite.tolist() == [[True] * 8, [False] * 8, [False] * 8]


@needs_compiler
def test_a_library_that_multiplies_a_type_wrongly_is_not_used(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Native(native(torch.float32)._library, torch.float32)
    monkeypatch.setattr(other, "quantised_matmul", lambda params, x: x.new_zeros(len(x), params.outputs))
    matrix, x = packed(8, 64), random_numbers(2, 64)
    with caplog.at_level(logging.INFO):
        kernels = [QuantisedMatmul([matrix], None, other) for _ in range(2)]
    assert [record.message for record in caplog.records] == ["quantised_matmul_unavailable"]
    torch.testing.assert_close(kernels[1](x), linear(x, dequantise(matrix)))


def test_matrices_of_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="inputs of several sizes"):
        QuantisedMatmul([packed(2, 64), packed(2, 128)], None, None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_embeddings_are_rows_in_the_dtype_of_the_activations(dtype: torch.dtype) -> None:
    matrix = packed(9, 64, ordered=True)
    ids = torch.tensor([[8, 0, 8], [1, 2, 3]])
    assert torch.equal(QuantisedEmbedding(matrix, dtype, 2.0)(ids), (dequantise(matrix)[ids] * 2).to(dtype))
