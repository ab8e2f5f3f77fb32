"""Leakage: answers that their own prompt holds."""

from collections.abc import Sequence
from functools import lru_cache

from bot.prompt.builder import Prompt, Tokenizer
from training.dataset.duplicates import normal_form
from training.dataset.targets import COPYABLE

_NOT_CARD = ("template", "message", "quote", "opening")  # kinds of spans without the card's text


class CardWords:
    """The words of the persona's card in prompts: all spans that are no message."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._read = lru_cache(256)(lambda ids: normal_form(tokenizer.decode(list(ids))))

    def contains(self, prompt: Prompt, answer: Sequence[str]) -> bool:
        """Return whether the card holds an answer of `COPYABLE` bytes or more, in any case or punctuation."""
        words = normal_form("\n".join(answer))
        if len(words.encode("utf-8", "replace")) < COPYABLE:
            return False
        parts = (prompt.ids[span.start : span.end] for span in prompt.spans if span.kind not in _NOT_CARD)
        return any(words in self._read(part) for part in parts)


def shows_messages(prompt: Prompt, ids: Sequence[str]) -> bool:
    """Return whether a prompt shows messages with these ids, also as a quote.

    The same words in another message give nothing away: people repeat themselves.
    """
    return not {span.source for span in prompt.spans}.isdisjoint(ids)
