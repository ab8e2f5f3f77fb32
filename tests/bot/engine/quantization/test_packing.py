"""Plain weights are packed with the codes of bitsandbytes and ggml; codes of bitsandbytes are taken over."""

import bitsandbytes.functional as reference
import gguf
import numpy as np
import pytest
import torch
from torch import Tensor

from bot.engine.quantization import packing
from bot.engine.quantization.dequantization import dequantise
from bot.engine.quantization.packing import pack, pack_bitsandbytes_int8, pack_bitsandbytes_nf4


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_PIECE", 1000)


def weight(dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers of many sizes, with a block and a row of zeros."""
    generator = torch.Generator().manual_seed(5)
    numbers = torch.randn(23, 192, generator=generator) * torch.logspace(-6, 3, 23)[:, None]
    numbers[3], numbers[4, 64:128] = 0, 0
    return numbers.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nf4_has_the_codes_and_scales_of_bitsandbytes(dtype: torch.dtype) -> None:
    packed, state = reference.quantize_4bit(weight(dtype).float(), blocksize=64, quant_type="nf4")
    expected = reference.dequantize_4bit(packed, state)
    assert torch.equal(dequantise(pack(weight(dtype), "NF4")), expected)


def test_q8_0_has_the_bytes_of_ggml() -> None:
    expected = gguf.quants.quantize(weight().numpy(), gguf.GGMLQuantizationType.Q8_0)
    np.testing.assert_array_equal(pack(weight(), "Q8_0").data.numpy(), expected)


@pytest.mark.parametrize("nested", [False, True])
def test_stored_nf4_of_bitsandbytes_keeps_its_numbers(nested: bool) -> None:
    packed, state = reference.quantize_4bit(
        weight(), blocksize=64, quant_type="nf4", compress_statistics=nested
    )
    absmax = state.absmax
    if nested:
        absmax = reference.dequantize_blockwise(absmax, state.state2) + state.offset
    taken = pack_bitsandbytes_nf4(packed, absmax, *weight().shape)
    assert torch.equal(dequantise(taken), reference.dequantize_4bit(packed, state))


def test_stored_int8_of_bitsandbytes_keeps_its_numbers() -> None:
    codes, largest, _ = reference.int8_vectorwise_quant(weight()[5:])
    taken = dequantise(pack_bitsandbytes_int8(codes, largest))
    assert torch.equal(taken, codes.float() * (largest / 127)[:, None])


@pytest.mark.parametrize("type_name", ["NF4", "Q8_0"])
def test_columns_that_are_no_whole_blocks_are_refused(type_name: str) -> None:
    with pytest.raises(ValueError, match="no whole blocks"):
        pack(torch.zeros(2, 72), type_name)
