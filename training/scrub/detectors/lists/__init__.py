"""Word lists beside this file, read when they are first needed."""

from functools import cache
from importlib.resources import files


@cache
def ordered(name: str) -> tuple[str, ...]:
    """The words of a list, in their order."""
    return tuple(
        (files("training.scrub.detectors.lists") / f"{name}.txt").read_text(encoding="utf-8").split()
    )


@cache
def word_set(name: str) -> frozenset[str]:
    """The words of a list as a set."""
    return frozenset(ordered(name))
