"""Tokens under adapters of their own, as weighted sums of rows: the same numbers as batched products."""

import pytest
import torch
from torch import Tensor

from bot.engine.cache import Cache
from bot.engine.kernels import Plain
from bot.engine.mix import Current, Mix, last_mix_of, mix_of
from bot.engine.projection import Pair, Part, Projection
from bot.engine.step import Span, Step

SIZE, RANK = 24, 4
PARTS = (Part("q", 0, 16), Part("k", 16, 24), Part("v", 24, 32))


def pair(out: int, seed: int, rank: int = RANK) -> Pair:
    dice = torch.Generator().manual_seed(seed)
    return Pair(torch.randn(rank, SIZE, generator=dice), torch.randn(out, rank, generator=dice), 0.5)


def projection(dtype: torch.dtype, current: Current) -> Projection:
    """Three layers under two adapters, one of which leaves a layer alone and has less rank."""
    made = Projection(Plain(torch.zeros(32, SIZE, dtype=dtype), None), PARTS, SIZE, current, last=False)
    made.reserve(2, RANK, torch.zeros(0, dtype=dtype))
    made.put(0, {"q": pair(16, 1), "k": pair(8, 2), "v": pair(8, 3)})
    made.put(1, {"q": pair(16, 4, rank=2), "v": pair(8, 5)})
    return made


def step(*tokens: tuple[int, float]) -> Step:
    """Rows of one token each, under (bay, strength)."""
    rows = Cache(budget=1 << 30).enter(8, len(tokens)) or []
    return Step([Span(row, (1,), bay, much) for row, (bay, much) in zip(rows, tokens, strict=True)], "cpu")


def changed(dtype: torch.dtype, bagged: bool, tokens: tuple[tuple[int, float], ...]) -> Tensor:
    current = Current(bagged=bagged)
    current.tokens = mix_of(step(*tokens), bagged)
    dice = torch.Generator().manual_seed(9)
    x = torch.randn(1, len(tokens), SIZE, generator=dice).to(dtype)
    return projection(dtype, current)(x).float()


@pytest.mark.parametrize(
    "tokens",
    [
        ((0, 1.0),),
        ((0, 1.0), (1, 1.0)),
        ((0, 1.0), (0, 1.0), (1, 1.0)),
        ((1, 1.0), (-1, 1.0), (0, 1.0), (-1, 1.0)),
        ((0, 0.0), (1, 1.5), (1, 0.5)),
    ],
)
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 1e-5), (torch.bfloat16, 0.15)])
def test_bags_and_grids_change_tokens_alike(
    tokens: tuple[tuple[int, float], ...], dtype: torch.dtype, allowed: float
) -> None:
    exact = changed(torch.float32, bagged=False, tokens=tokens)
    assert float(exact.abs().max()) > 5
    torch.testing.assert_close(
        changed(dtype, bagged=True, tokens=tokens), exact, atol=allowed, rtol=allowed / 5
    )


def test_a_pass_without_adapters_is_not_changed() -> None:
    one = step((-1, 1.0), (-1, 1.0))
    assert (mix_of(one, bagged=True), last_mix_of(one, bagged=True)) == (None, None)


def test_the_last_tokens_are_those_of_the_rows() -> None:
    mix = last_mix_of(step((0, 1.0), (-1, 1.0)), bagged=True)
    assert isinstance(mix, Mix)
    assert mix.grid is not None
    assert mix.grid.tokens == 1
