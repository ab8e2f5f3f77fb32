"""GatherMatmul in bfloat16; lora/test_active.py compares whole batches with the plain formula."""

import torch

from bot.engine.kernels.gather_matmul import gather_matmul_of


def test_gather_matmul_in_bfloat16_is_the_product_with_each_tokens_matrix() -> None:
    torch.manual_seed(1)
    x, matrices = torch.randn(3, 2, 64).bfloat16(), torch.randn(4, 2, 64, 24).bfloat16()
    gather = gather_matmul_of([(0, 3, 1.0), (1, 0, 1.0), (2, 3, 1.0)])
    assert gather is not None
    expected = torch.einsum("nbr,nbrw->nbw", x.float(), matrices[[3, 0, 3]].float()).flatten(0, 1)
    torch.testing.assert_close(
        gather.multiply(x, matrices.flatten(0, 2), 2, 64).float(), expected, atol=0.02, rtol=0.01
    )


def test_gather_matmul_holds_the_changed_tokens_and_their_strengths() -> None:
    first, apart = gather_matmul_of([(0, 1, 1.0), (1, 2, 1.0)]), gather_matmul_of([(0, 1, 0.5), (2, 1, 1.5)])
    assert first is not None
    assert apart is not None
    assert isinstance(apart.tokens, torch.Tensor)
    assert apart.scale is not None
    assert (first.tokens, first.scale, first.lora_slots.tolist()) == (2, None, [1, 2])
    assert (apart.tokens.tolist(), apart.scale.tolist()) == ([0, 2], [[0.5], [1.5]])
    assert gather_matmul_of([]) is None
