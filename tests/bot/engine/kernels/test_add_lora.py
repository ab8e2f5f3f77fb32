"""LoRA by the library on tensors that it cannot read as they lie."""

import pytest
import torch

from bot.engine.kernels.compiler import load_library
from bot.engine.kernels.lora_slots import Int8Slots, SlotSizes
from bot.engine.kernels.native import LoraTokens, Native

LIBRARY = load_library()


@pytest.mark.skipif(LIBRARY is None, reason="this machine compiles no library")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_another_dtype_and_rows_apart_are_changed_alike(dtype: torch.dtype) -> None:
    assert LIBRARY is not None
    native, slots = Native(LIBRARY, torch.float32), Int8Slots(1, SlotSizes(64, 1, (0,), 16, 32))
    random = torch.Generator().manual_seed(1)
    slots.set_lora(0, torch.randn(64, 16, generator=random), torch.randn(1, 16, 32, generator=random))
    x, y = torch.randn(3, 128, generator=random).to(dtype), torch.zeros(3, 40, dtype=dtype)
    expected, tokens = torch.zeros(3, 32), LoraTokens([(0, 0, 1.0), (2, 0, 0.5)])
    native.add_lora(slots, x[:, :64].float().contiguous(), expected, tokens)
    native.add_lora(slots, x[:, :64], y[:, :32], tokens)
    assert torch.equal(y[:, :32], expected.to(dtype))
    assert not y[:, 32:].any()
