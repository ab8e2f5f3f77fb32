"""The word lists in this folder, each read at its first use."""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=8)
def read_words(list_name: str) -> frozenset[str]:
    """Return the words of a list, in small letters."""
    text = (files("bot.text.words") / f"{list_name}.txt").read_text(encoding="utf-8")
    return frozenset(text.casefold().split())
