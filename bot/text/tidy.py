"""Generated text without labels of its speaker and lines of others."""

from collections.abc import Iterable

from bot.text.own_words import OwnWords


def tidy(text: str, *names: str, others: Iterable[str] = (), whole: bool = False) -> str:
    """Return the own words of a text by the speaker of these names, without blank ends.

    `others` are the names of other speakers. Of a text that is not `whole`, return the part that can be
    shown: a beginning of the results for all longer texts.
    """
    return OwnWords(names, others).read(text, whole=whole)
