"""Layers of nf4 joined for cards: the products of each, from one matrix with smaller scales."""

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from torch import nn

from bot.engine.kernels.matmul import dense_weight
from bot.engine.kernels.nf4_matmul import Nf4Matmul, can_join_nf4
from tests.fakes.card.card import pretended_card
from tests.fakes.card.models import config_of, empty_model

INPUTS, OUTPUTS = 256, (320, 64, 128)


def layers(biases: tuple[bool, ...] = (False, False, False), nested: bool = False) -> list[nn.Module]:
    """Return layers as transformers loads them, of random weights."""
    torch.manual_seed(0)
    made = []
    for out, biased in zip(OUTPUTS, biases, strict=True):
        layer = Linear4bit(INPUTS, out, biased, torch.float32, compress_statistics=nested, quant_type="nf4")
        made.append(layer.to("cpu").requires_grad_(False))
    return made


@pytest.mark.parametrize("biases", [(False,) * 3, (True,) * 3, (True, False, True)])
def test_the_joined_product_is_those_of_the_layers_end_to_end(biases: tuple[bool, ...]) -> None:
    parts, x = layers(biases), torch.randn(5, INPUTS)
    expected = torch.cat([nn.functional.linear(x, *dense_weight(part)) for part in parts], -1)
    product = Nf4Matmul(parts)(x)
    assert product.shape == expected.shape
    assert (product - expected).norm() < 0.01 * expected.norm()


def test_scales_take_little_more_than_a_byte() -> None:
    state = Nf4Matmul(layers())._state
    numbers = INPUTS * sum(OUTPUTS)
    assert (state.absmax.dtype, state.absmax.numel()) == (torch.uint8, numbers // 64)
    assert state.state2.absmax.numel() == -(-numbers // 64 // 256)


def test_a_bias_that_was_taken_is_added_no_longer() -> None:
    kernel, x = Nf4Matmul(layers((True, False, True))), torch.randn(3, INPUTS)
    whole = kernel(x)
    bias = kernel.take_bias()
    assert bias is not None
    assert torch.allclose(kernel(x) + bias, whole, atol=1e-5)
    assert kernel.take_bias() is None


def test_layers_on_a_cpu_and_plain_layers_stay_as_they_are() -> None:
    assert not can_join_nf4(layers())
    assert not can_join_nf4([nn.Linear(64, 64)])


@pytest.mark.parametrize(("nested", "joined"), [(False, True), (True, False)])
def test_layers_whose_scales_are_stored_in_8_bits_stay_as_they_are(nested: bool, joined: bool) -> None:
    with pretended_card():
        attention = empty_model(config_of("SmolLM2-135M"), "nf4", nested=nested).model.layers[0].self_attn
        assert can_join_nf4([attention.q_proj, attention.k_proj, attention.v_proj]) is joined
