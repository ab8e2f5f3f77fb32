"""Tokens that stand alone, in 16 bits; that any mix of them is the plain formula is in test_live.py."""

import torch

from bot.engine.kernels.gather_matmul import gather_matmul_of


def test_a_bag_in_sixteen_bits_is_the_product_with_its_own_matrix() -> None:
    torch.manual_seed(1)
    x, matrices = torch.randn(3, 2, 64).bfloat16(), torch.randn(4, 2, 64, 24).bfloat16()
    bags = gather_matmul_of([(0, 3, 1.0), (1, 0, 1.0), (2, 3, 1.0)])
    assert bags is not None
    wanted = torch.einsum("nbr,nbrw->nbw", x.float(), matrices[[3, 0, 3]].float()).flatten(0, 1)
    torch.testing.assert_close(
        bags.multiply(x, matrices.flatten(0, 2), 2, 64).float(), wanted, atol=0.02, rtol=0.01
    )


def test_bags_name_the_tokens_that_change_and_their_strengths() -> None:
    first, apart = gather_matmul_of([(0, 1, 1.0), (1, 2, 1.0)]), gather_matmul_of([(0, 1, 0.5), (2, 1, 1.5)])
    assert first is not None
    assert apart is not None
    assert isinstance(apart.tokens, torch.Tensor)
    assert apart.scale is not None
    assert (first.tokens, first.scale, first.lora_slots.tolist()) == (2, None, [1, 2])
    assert (apart.tokens.tolist(), apart.scale.tolist()) == ([0, 2], [[0.5], [1.5]])
    assert gather_matmul_of([]) is None
