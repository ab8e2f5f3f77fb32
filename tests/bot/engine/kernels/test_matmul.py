"""Matmul kernels: each gives the numbers of the plain product."""

import logging

import pytest
import torch
from torch import Tensor, nn

from bot.engine.kernels.bf16_matmul import PackedMatmul, has_onednn_bf16
from bot.engine.kernels.matmul import (
    Fp16Matmul,
    Int8Matmul,
    MatmulKernel,
    PlainMatmul,
    fastest_kernel,
    fp16_matmul,
    has_fbgemm,
    join_layers,
)

WEIGHT = torch.randn(48, 32, generator=torch.Generator().manual_seed(1)) / 6
BIAS = torch.linspace(-1, 1, 48)
needs_half = pytest.mark.skipif(not has_fbgemm("cpu"), reason="this CPU has no FBGEMM")
needs_packed = pytest.mark.skipif(not has_onednn_bf16("cpu"), reason="oneDNN has no bfloat16 on this CPU")


def int8_matmul(weight: Tensor, bias: Tensor | None) -> MatmulKernel:
    scale = weight.float().abs().amax(1) / 127
    return Int8Matmul((weight.float() / scale[:, None]).round().to(torch.int8), scale, bias)


KINDS = [
    (PlainMatmul, torch.float32),
    (PlainMatmul, torch.bfloat16),
    pytest.param(fp16_matmul, torch.float32, marks=needs_half),
    pytest.param(PackedMatmul, torch.bfloat16, marks=needs_packed),
]


def close(kernel: MatmulKernel, x: Tensor, bias: Tensor | None, dtype: torch.dtype) -> bool:
    whole = nn.functional.linear(x, WEIGHT, bias)
    allowed = {torch.float32: 1e-2 if isinstance(kernel, Int8Matmul) else 2e-3, torch.bfloat16: 3e-2}[dtype]
    return bool((kernel(x.to(dtype)).float() - whole).abs().max() < allowed * whole.abs().max())


INT8_KINDS = [(int8_matmul, torch.float32), (int8_matmul, torch.bfloat16)]  # they join no layers


@pytest.mark.parametrize(("kind", "dtype"), KINDS + INT8_KINDS)
@pytest.mark.parametrize("rows", [1, 2, 7, 64])
@pytest.mark.parametrize("bias", [None, BIAS])
def test_a_kernel_gives_the_plain_product(kind, dtype, rows: int, bias: Tensor | None) -> None:
    x = torch.randn(rows, 32, generator=torch.Generator().manual_seed(rows))
    kernel = kind(WEIGHT.to(dtype), None if bias is None else bias.to(dtype))
    assert close(kernel, x, bias, dtype)


@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_joined_layers_give_their_concatenated_products(kind, dtype) -> None:
    parts = [nn.Linear(32, size, bias=False).to(dtype) for size in (16, 8)]
    x = torch.randn(3, 32).to(dtype)
    with torch.inference_mode():
        whole = join_layers(parts, kind)(x).float()
        assert torch.allclose(whole, torch.cat([part(x).float() for part in parts], -1), atol=3e-2)


@needs_half
def test_weights_beyond_float16_stay_float32() -> None:
    assert isinstance(fp16_matmul(WEIGHT, None), Fp16Matmul)
    assert isinstance(fp16_matmul(WEIGHT * 1e7, None), PlainMatmul)


def test_the_fastest_kernel_takes_the_dtype_of_its_model() -> None:
    layers = [nn.Linear(512, 512, bias=False) for _ in range(2)]
    assert fastest_kernel(layers, torch.float32) in (None, fp16_matmul)
    sixteen = [layer.bfloat16() for layer in layers]
    assert fastest_kernel(sixteen, torch.bfloat16) in (None, fp16_matmul, PackedMatmul)


def test_layers_on_another_device_keep_their_product() -> None:
    assert fastest_kernel([nn.Linear(8, 8, device="meta")], torch.bfloat16) is None


@needs_packed
def test_without_fbgemm_its_engine_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On ARM torch has no FBGEMM, and to make it the engine is an error."""
    monkeypatch.setattr("bot.engine.kernels.matmul.has_fbgemm", lambda device: False)
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "onednn"
    try:
        layers = [nn.Linear(512, 512, bias=False).bfloat16()]
        assert fastest_kernel(layers, torch.bfloat16) in (None, PackedMatmul)
        assert torch.backends.quantized.engine == "onednn"
    finally:
        torch.backends.quantized.engine = before


@needs_packed
def test_a_kernel_that_this_cpu_refuses_is_logged_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(weight: Tensor) -> Tensor:
        raise RuntimeError("could not create a primitive descriptor")

    monkeypatch.setattr("bot.engine.kernels.compat.pack_bf16_weight", refuse)
    layers = [nn.Linear(512, 512, bias=False).bfloat16()]
    with caplog.at_level(logging.INFO):
        assert fastest_kernel(layers, torch.bfloat16) in (None, fp16_matmul)
    assert [record.message for record in caplog.records] == ["matmul_kernel_unavailable"]
