"""Products in float16 of scaled rows: those of float32, wherever rows, products and weights lie."""

import pytest
import torch
from torch import Tensor, nn

from bot.engine.kernels.matmul import MatmulKernel, PlainMatmul, SeparateMatmul, dense_weight
from bot.engine.kernels.row_scaling import RowScaling, row_scaling_of

INPUTS, OUTPUTS = 128, (64, 32)
GENERATOR = torch.Generator()
CARD = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR.manual_seed(sum(shape)))


def nf4_linear(outputs: int, bias: bool, device: str = "cpu") -> nn.Module:
    """Return bitsandbytes' layer of random weights, computing in float16."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    layer = Linear4bit(INPUTS, outputs, bias, compute_dtype=torch.float16, quant_type="nf4")
    weight = random(outputs, INPUTS).half()
    layer.weight = Params4bit(weight, requires_grad=False, quant_type="nf4").to(device)
    layer.bias = nn.Parameter(random(outputs).half().to(device)) if bias else None
    return layer.requires_grad_(False)


def plain(device: str = "cpu", factor: float = 1) -> tuple[PlainMatmul, Tensor, Tensor]:
    """Return a kernel, its weight and its bias."""
    weight = (random(sum(OUTPUTS), INPUTS) * factor).half().to(device)
    bias = random(sum(OUTPUTS)).half().to(device)
    return PlainMatmul(weight, bias), weight, bias


def quantised(device: str = "cpu") -> tuple[SeparateMatmul, Tensor, Tensor]:
    """Return a kernel of two layers, of which the second has no bias."""
    layers = [nf4_linear(OUTPUTS[0], True, device), nf4_linear(OUTPUTS[1], False, device)]
    weight = torch.cat([dense_weight(layer)[0] for layer in layers])
    bias = nn.functional.pad(layers[0].bias.detach(), (0, OUTPUTS[1]))  # type: ignore[operator]
    return SeparateMatmul(layers), weight, bias


def scaling_of(kernel: PlainMatmul | SeparateMatmul, device: str = "cpu") -> RowScaling:
    return row_scaling_of(kernel, INPUTS, kernel.take_bias(), torch.device(device))


def error(kernel: MatmulKernel, scaling: RowScaling, x: Tensor, weight: Tensor, bias: Tensor) -> float:
    exact = nn.functional.linear(x.float(), weight.float(), bias.float())
    return float((scaling.apply(x, kernel) - exact).norm() / exact.norm())


@torch.inference_mode()
@pytest.mark.parametrize("made", [plain, quantised])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CARD)])
@pytest.mark.parametrize("size", [1e-2, 1.0, 1e4, 1e9])
def test_a_product_of_rows_of_any_size_is_that_of_float32(made, device: str, size: float) -> None:
    kernel, weight, bias = made(device)
    rows = (random(5, INPUTS) * size).to(device)
    assert error(kernel, scaling_of(kernel, device), rows, weight, bias) < 1e-3


@torch.inference_mode()
def test_a_product_beyond_float16_of_a_row_within_it_is_that_of_float32() -> None:
    kernel, weight, bias = plain()
    x = (random(5, INPUTS) * 1e4).half()
    assert not kernel(x).isfinite().all()
    assert error(kernel, scaling_of(kernel), x, weight, bias) < 1e-3


@torch.inference_mode()
def test_weights_as_large_as_float16_holds_overflow_no_product() -> None:
    kernel, weight, bias = plain(factor=1e4)
    assert error(kernel, scaling_of(kernel), random(5, INPUTS), weight, bias) < 1e-3


@torch.inference_mode()
def test_rows_that_need_no_scaling_have_the_plain_product_bit_by_bit() -> None:
    kernel = PlainMatmul(plain()[1], None)
    x = random(5, INPUTS).half()
    assert torch.equal(scaling_of(kernel).apply(x, kernel), kernel(x).float())


@torch.inference_mode()
def test_a_row_does_not_depend_on_the_others() -> None:
    kernel, *_ = plain()
    scaling, x = scaling_of(kernel), random(4, INPUTS) * torch.tensor([[1.0], [1e3], [1e6], [1e-3]])
    together = scaling.apply(x, kernel)
    assert torch.allclose(together, torch.cat([scaling.apply(row[None], kernel) for row in x]), rtol=1e-2)


def test_quantised_weights_are_not_copied() -> None:
    layer = nf4_linear(OUTPUTS[0], True)
    address = layer.weight.data_ptr()  # type: ignore[operator]
    kernel = SeparateMatmul([layer])
    scaling_of(kernel)
    assert kernel._layers[0] is layer
    assert layer.weight.data_ptr() == address  # type: ignore[operator]
