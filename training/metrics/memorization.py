"""Memorization: 8-grams of answers that stand in the training text, against those in held-out text."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate
from training.metrics.diversity import ngrams, split_words

SIZE = 8  # words of an n-gram (characters of scripts without spaces) that is hardly repeated by chance
SHOWN = 5  # longest copies in the report

Words = Sequence[str]
Ngram = tuple[str, ...]
BigramPlaces = dict[Ngram, list[tuple[Words, int]]]  # texts with a bigram, and its index in each


class Copies(msgspec.Struct, frozen=True):
    """Copies in one set of answers.

    `learned` is the share of its 8-grams that stand in the person's training text, `held` in the person's
    held-out text, which nobody learned: copies of both are the person's phrases or the language's, the rest
    is learned by heart. `longest` is the longest copy of the training text in words, `examples` are the
    longest ones. Text that an answer's own prompt shows does not count.
    """

    learned: Estimate
    held: Estimate
    runs: int
    longest: int
    examples: tuple[str, ...] = ()


class PromptedAnswer(msgspec.Struct, frozen=True):
    """An answer, and the text of its prompt."""

    text: str
    shown: str = ""


def measure_copies(
    sets: Mapping[str, Sequence[PromptedAnswer]], learned: Sequence[str], held: Sequence[str], seed: int
) -> dict[str, Copies]:
    """Compare each set of answers with the person's training and held-out text."""
    parts = [[split_words(text) for text in texts] for texts in (learned, held)]
    known = [{ngram for words in part for ngram in ngrams(words, SIZE)} for part in parts]
    return {name: _measure_set(answers, parts[0], known, seed) for name, answers in sets.items()}


def _measure_set(
    answers: Sequence[PromptedAnswer], learned: Sequence[Words], known: Sequence[Collection[Ngram]], seed: int
) -> Copies:
    said = [split_words(answer.text) for answer in answers]
    shown = [set(ngrams(split_words(answer.shown), SIZE)) for answer in answers]
    found = [ngrams(words, SIZE) for words in said]
    totals = [len(each) for each in found]
    shares = list[Estimate]()
    for part in known:
        pairs = zip(found, shown, strict=True)
        copied = [sum(ngram in part and ngram not in prompt for ngram in each) for each, prompt in pairs]
        shares.append(bootstrap.ratio_estimate(copied, totals, seed))
    longest = longest_copies(said, learned, shown)
    examples = tuple(" ".join(copy) for copy in longest if len(copy) >= SIZE)
    return Copies(shares[0], shares[1], sum(totals), len(longest[0]) if longest else 0, examples[:SHOWN])


def longest_copies(
    answers: Sequence[Words], learned: Iterable[Words], shown: Sequence[Collection[Ngram]] = ()
) -> list[Ngram]:
    """Return the longest copy of a learned text in each answer, of two words at least; longest first.

    `shown` has the 8-grams of each answer's prompt: a copy that holds one of them does not count.
    """
    places: BigramPlaces = {}
    for text in learned:
        for at, bigram in enumerate(ngrams(text, 2)):
            places.setdefault(bigram, []).append((text, at))
    prompts = shown or [()] * len(answers)
    found = {_longest_copy(words, places, prompt) for words, prompt in zip(answers, prompts, strict=True)}
    return sorted(found - {()}, key=lambda copy: (-len(copy), copy))


def _longest_copy(words: Words, places: BigramPlaces, shown: Collection[Ngram]) -> Ngram:
    """Try each start only where a copy can be longer than the best one so far."""
    best: Ngram = ()
    for start in range(len(words)):
        longer = tuple(words[start : start + len(best) + 1])
        if len(longer) <= len(best):
            break
        for text, at in places.get(tuple(words[start : start + 2]), ()):
            if tuple(text[at : at + len(longer)]) == longer:
                copy = tuple(words[start : start + _common_length(words, start, text, at)])
                if len(copy) > len(best) and _is_unseen(copy, shown):
                    best = copy
                    longer = tuple(words[start : start + len(best) + 1])
    return best


def _is_unseen(copy: Ngram, shown: Collection[Ngram]) -> bool:
    """Tell whether no 8-gram of a copy stands in the prompt."""
    return not shown or not any(ngram in shown for ngram in ngrams(copy, SIZE))


def _common_length(one: Words, start: int, other: Words, at: int) -> int:
    size = 0
    while start + size < len(one) and at + size < len(other) and one[start + size] == other[at + size]:
        size += 1
    return size
