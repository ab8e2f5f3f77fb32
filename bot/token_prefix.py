"""The common beginning of two sequences of token ids, or of two texts."""

from collections.abc import Sequence


def common_prefix(one: Sequence[int] | str, other: Sequence[int] | str) -> int:
    """Return how many first ids, or characters, are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (own, its) in pairs if own != its), min(len(one), len(other)))
