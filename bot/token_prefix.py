"""The common beginning of two sequences of token ids, or of two texts."""

from collections.abc import Sequence


def common_prefix(one: Sequence[int] | str, other: Sequence[int] | str) -> int:
    """Return how many first ids, or characters, are the same."""
    one = one if isinstance(one, str) else tuple(one)  # slices of a list and of a tuple are never equal
    other = other if isinstance(other, str) else tuple(other)
    same, different = 0, min(len(one), len(other)) + 1
    while same + 1 < different:  # slices are compared at once, with no more comparisons than places in all
        middle = (same + different) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            different = middle
    return same
