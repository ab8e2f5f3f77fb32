"""The plain numbers of packed matrices are those of ggml and of bitsandbytes."""

import gguf
import numpy as np
import pytest
import torch

from bot.engine.quantization import dequantization
from bot.engine.quantization.block_types import BLOCK_TYPES
from bot.engine.quantization.dequantization import dequantise, dequantise_rows, dequantised_pieces
from bot.engine.quantization.packed_matrix import PackedMatrix, packed_row_bytes

GGUF_TYPES = [name for name, one in BLOCK_TYPES.items() if one.gguf is not None]


def random_matrix(type_name: str, rows: int, columns: int, seed: int = 0) -> PackedMatrix:
    """A matrix of any bytes: also scales that are no finite numbers."""
    bytes_ = np.random.default_rng(seed).integers(
        0, 256, (rows, packed_row_bytes(columns, type_name)), np.uint8
    )
    return PackedMatrix(torch.from_numpy(bytes_), BLOCK_TYPES[type_name])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("type_name", GGUF_TYPES)
def test_numbers_of_gguf_types_are_those_of_gguf(type_name: str) -> None:
    matrix = random_matrix(type_name, 37, 768)
    number = gguf.GGMLQuantizationType(matrix.type.gguf)
    expected = gguf.quants.dequantize(matrix.data.numpy(), number)
    np.testing.assert_array_equal(dequantise(matrix).numpy(), expected)


@pytest.mark.parametrize("type_name", BLOCK_TYPES)
def test_rows_and_pieces_are_parts_of_the_whole(type_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = random_matrix(type_name, 11, 512)
    whole = dequantise(matrix)
    monkeypatch.setattr(dequantization, "_PIECE", 3 * 512)
    rows = torch.tensor([[3, 0], [10, 3], [1, 2]])
    torch.testing.assert_close(dequantise_rows(matrix, rows), whole[rows], rtol=0, atol=0, equal_nan=True)
    starts, pieces = zip(*dequantised_pieces(matrix, 4 * 512), strict=True)
    assert starts == (0, 4, 8)
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=0, atol=0, equal_nan=True)


def test_rows_come_in_the_order_that_the_matrix_names() -> None:
    plain = random_matrix("Q8_0", 6, 64)
    order = torch.tensor([5, 1, 0, 2, 4, 3])
    ordered = PackedMatrix(plain.data, plain.type, order)
    whole, rows = dequantise(plain)[order], torch.tensor([2, 0])
    torch.testing.assert_close(dequantise(ordered), whole, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(
        dequantise_rows(ordered, rows, torch.bfloat16), whole[rows].bfloat16(), equal_nan=True
    )
