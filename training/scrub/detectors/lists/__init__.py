"""The word lists in this folder, each read at its first use."""

from functools import cache
from importlib.resources import files


@cache
def word_list(name: str) -> tuple[str, ...]:
    """Return the words of a list, in the order of its file."""
    return tuple(
        (files("training.scrub.detectors.lists") / f"{name}.txt").read_text(encoding="utf-8").split()
    )


@cache
def word_set(name: str) -> frozenset[str]:
    """Return the words of a list as a set."""
    return frozenset(word_list(name))
