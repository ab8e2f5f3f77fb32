"""Answers that their own prompt gives away."""

from collections.abc import Sequence
from functools import lru_cache

from bot.prompt.builder import Prompt, Tokenizer
from training.dataset.duplicates import normal_form
from training.dataset.targets import COPYABLE

_SAID = ("template", "message", "quote", "opening")  # kinds of spans that hold no text of the persona's card


class CardWords:
    """What prompts hold that nobody said: the card, and whatever else belongs to the persona."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._read = lru_cache(256)(lambda ids: normal_form(tokenizer.decode(list(ids))))

    def contains(self, prompt: Prompt, answer: Sequence[str]) -> bool:
        """Whether an answer that is too long for chance stands there, but for its case and marks."""
        words = normal_form("\n".join(answer))
        if len(words.encode("utf-8", "replace")) < COPYABLE:
            return False
        parts = (prompt.ids[span.start : span.end] for span in prompt.spans if span.kind not in _SAID)
        return any(words in self._read(part) for part in parts)


def shows_messages(prompt: Prompt, ids: Sequence[str]) -> bool:
    """Whether the messages that are to be said can be read in their own prompt, also as a quote.

    That the same was said before, even by the persona, gives nothing away: people repeat themselves.
    """
    return not {span.source for span in prompt.spans}.isdisjoint(ids)
