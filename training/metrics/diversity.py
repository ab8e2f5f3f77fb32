"""Diversity of answers: distinct n-grams and repetitions."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from training.dataset.duplicates import normal_form
from training.scrub.normalise import limit_marks

REPEATED_SIZE = 4  # words of an n-gram, as in the self-repetition score of Salkar et al. 2022
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


def split_words(text: str) -> list[str]:
    """Return the words of a text in small letters; of scripts without spaces, the characters."""
    return _WORD.findall(unicodedata.normalize("NFKC", limit_marks(text)).casefold())


def ngrams(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Return all n-grams of `size` words."""
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]


def first_words(texts: Iterable[str], limit: int) -> list[list[str]]:
    """Return the words of each answer, up to `limit` words in all."""
    kept = list[list[str]]()
    for text in texts:
        if limit <= 0:
            break
        kept.append(split_words(text)[:limit])
        limit -= len(kept[-1])
    return kept


def distinct_share(answers: Sequence[Sequence[str]], size: int) -> float:
    """Return distinct-n: the share of different ones among all n-grams of `size` words (Li et al. 2016)."""
    found = [ngram for words in answers for ngram in ngrams(words, size)]
    return round(len(set(found)) / len(found), 4) if found else 0.0


def self_repetition(answers: Sequence[Sequence[str]]) -> float:
    """Return the share of 4-grams that another answer has too."""
    found = [set(ngrams(words, REPEATED_SIZE)) for words in answers]
    counts = Counter(chain.from_iterable(found))
    total = sum(counts.values())
    return round(sum(count for count in counts.values() if count > 1) / total, 4) if total else 0.0


def repeated_answers(answers: Sequence[Sequence[str]]) -> float:
    """Return the share of answers that repeat an earlier one, but for case and punctuation."""
    texts = [normal_form(" ".join(words)) for words in answers]
    return round(1 - len(set(texts)) / len(texts), 4) if texts else 0.0
