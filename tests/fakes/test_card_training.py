"""Backward passes on the pretended card: gradients lie on it, and it holds what autograd keeps."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tests.fakes.card.card import pretended_card
from tests.fakes.card.guard import COMPILER
from tests.fakes.card.models import config_of, empty_model
from tests.fakes.card.training import training_pass

pytestmark = pytest.mark.skipif(COMPILER is None, reason="a pretended card needs g++ once")

MIB = 1 << 20


def test_gradients_of_a_quantised_model_are_made_on_the_card_and_moments_beside_them() -> None:
    with pretended_card():
        model = empty_model(config_of("SmolLM2-135M"), "nf4")
        with training_pass():
            added = nn.Linear(576, 576, bias=False).to("cuda")
            optimizer = torch.optim.AdamW(added.parameters())
            layer = model.model.layers[0].mlp
            layer(added(torch.ones(1, 3, 576, device="cuda")).bfloat16()).sum().backward()
            optimizer.step()
            assert added.weight.grad is not None
            assert added.weight.grad.device == added.weight.device == torch.device("cuda", 0)
            assert optimizer.state[added.weight]["exp_avg"].shape == (576, 576)


def test_what_autograd_keeps_stays_until_the_backward_pass_and_a_checkpoint_keeps_its_input_alone() -> None:
    with pretended_card() as card, training_pass():
        x = torch.zeros(MIB, dtype=torch.uint8, device="cuda").float().requires_grad_()

        def chain(value: torch.Tensor) -> torch.Tensor:
            for _ in range(5):
                value = functional.dropout(value, 0.5).exp()
            return value

        kept = []
        for run in (chain, lambda value: checkpoint(chain, value, use_reentrant=False)):
            before = card.memory.allocated
            out = run(x).sum()
            kept.append((card.memory.allocated - before) // MIB)
            out.backward()
            x.grad = None
            assert card.memory.allocated - before < MIB
        assert kept == [5 * (4 + 1), 0]  # exponentials in float32 and masks of a byte


@pytest.mark.parametrize(
    ("heads", "capability", "masked", "kernel"),
    [
        (8, (8, 6), False, "_scaled_dot_product_flash_attention"),
        (8, (8, 6), True, "_scaled_dot_product_efficient_attention"),
        (8, (7, 5), False, "_scaled_dot_product_efficient_attention"),
        (2, (8, 6), False, "_scaled_dot_product_flash_attention"),
        (2, (8, 6), True, "_safe_softmax"),  # plain arithmetic, which keeps all scores
    ],
)
def test_attention_runs_in_the_kernel_that_torch_would_choose(
    heads: int, capability: tuple[int, int], masked: bool, kernel: str
) -> None:
    with pretended_card(capability=capability) as card, training_pass():
        query = torch.zeros(1, 8, 16, 64, device="cuda", dtype=torch.float16, requires_grad=True)
        key = torch.zeros(1, heads, 16, 64, device="cuda", dtype=torch.float16)
        mask = torch.ones(16, 16, dtype=torch.bool, device="cuda") if masked else None
        functional.scaled_dot_product_attention(query, key, key, attn_mask=mask, enable_gqa=heads == 2)
        assert kernel in {name for name, _ in card.launches.by_place}
