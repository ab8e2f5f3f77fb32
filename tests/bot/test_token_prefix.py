"""The common beginning of sequences of ids."""

import pytest

from bot.token_prefix import common_prefix


@pytest.mark.parametrize(
    ("one", "other", "size"),
    [((), (), 0), ((1, 2), (), 0), ((1, 2), (1, 2), 2), ((1, 2), (1, 2, 3), 2), ((1, 2, 3), (1, 4, 3), 1)],
)
def test_it_ends_at_the_first_difference_or_with_the_shorter(
    one: tuple[int, ...], other: tuple[int, ...], size: int
) -> None:
    assert common_prefix(one, other) == common_prefix(list(other), one) == size
