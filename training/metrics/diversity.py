"""How much of what somebody says is new: runs of words, and how often they come again."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from training.dataset.duplicates import normal_form

RUN = 4  # words that are said again; as in the self-repetition score of Salkar et al. 2022
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


def words(text: str) -> list[str]:
    """Words in small letters; of scripts without spaces, characters."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def runs(said: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """All runs of so many words."""
    return [tuple(said[start : start + size]) for start in range(len(said) - size + 1)]


def first(texts: Iterable[str], limit: int) -> list[list[str]]:
    """The words of each answer, as far as there are so many in all."""
    kept = list[list[str]]()
    for text in texts:
        if limit <= 0:
            break
        kept.append(words(text)[:limit])
        limit -= len(kept[-1])
    return kept


def distinct(texts: Sequence[Sequence[str]], size: int) -> float:
    """The share of different ones among all runs of so many words (Li et al. 2016)."""
    found = [run for said in texts for run in runs(said, size)]
    return round(len(set(found)) / len(found), 4) if found else 0.0


def repeated(texts: Sequence[Sequence[str]]) -> float:
    """The share of runs of four words that another answer has too."""
    found = [set(runs(said, RUN)) for said in texts]
    counts = Counter(chain.from_iterable(found))
    total = sum(counts.values())
    return round(sum(count for count in counts.values() if count > 1) / total, 4) if total else 0.0


def same(texts: Sequence[Sequence[str]]) -> float:
    """The share of answers that say, but for case and marks, what an earlier one said."""
    said = [normal_form(" ".join(each)) for each in texts]
    return round(1 - len(set(said)) / len(said), 4) if said else 0.0
