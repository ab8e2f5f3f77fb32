"""How much of what is said was learned by heart: runs of eight words that stand in the training text."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate
from training.metrics.diversity import runs, words

SIZE = 8  # words of a run, or characters of scripts without spaces, from which on chance is not likely
SHOWN = 5  # longest copies that are told

Run = tuple[str, ...]
Places = dict[Run, list[tuple[Sequence[str], int]]]  # of two words, where they stand


class Copies(msgspec.Struct, frozen=True):
    """What one set of answers copies.

    `learned` is the share of its runs of eight words that stand in the person's words of the training part,
    `held` in those that were held out, which nobody learned: what both have in common is the person's or the
    language's, the rest is learned by heart. `longest` is the longest stretch shared with the training part,
    in words; `examples` are the longest stretches. What an answer's own prompt shows counts for nothing.
    """

    learned: Estimate
    held: Estimate
    runs: int
    longest: int
    examples: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """An answer, and the text that could be read before it."""

    text: str
    shown: str = ""


def copies(
    sets: Mapping[str, Sequence[Answered]], learned: Sequence[str], held: Sequence[str], seed: int
) -> dict[str, Copies]:
    """Each set of answers against both parts of the person's words."""
    parts = [[words(text) for text in texts] for texts in (learned, held)]
    known = [{run for said in part for run in runs(said, SIZE)} for part in parts]
    return {name: _copies(answers, parts[0], known, seed) for name, answers in sets.items()}


def _copies(
    answers: Sequence[Answered], learned: Sequence[Sequence[str]], known: Sequence[Collection[Run]], seed: int
) -> Copies:
    said = [(words(answer.text), set(runs(words(answer.shown), SIZE))) for answer in answers]
    found = [(runs(text, SIZE), shown) for text, shown in said]
    wholes = [len(each) for each, _ in found]
    shares = [
        bootstrap.ratio_estimate(
            [sum(run in part and run not in shown for run in each) for each, shown in found], wholes, seed
        )
        for part in known
    ]
    stretches = longest([text for text, _ in said], learned, [shown for _, shown in said])
    told = tuple(" ".join(stretch) for stretch in stretches if len(stretch) >= SIZE)
    return Copies(shares[0], shares[1], sum(wholes), len(stretches[0]) if stretches else 0, told[:SHOWN])


def longest(
    said: Sequence[Sequence[str]], learned: Iterable[Sequence[str]], shown: Sequence[Collection[Run]] = ()
) -> list[Run]:
    """The longest stretch, of two words at least, of each answer that a learned text has too; longest first.

    `shown` are runs of eight that each answer's prompt has: a stretch that holds one of them is none.
    """
    places: Places = {}
    for text in learned:
        for at, pair in enumerate(runs(text, 2)):
            places.setdefault(pair, []).append((text, at))
    hidden = shown or [()] * len(said)
    found = {_stretch(text, places, seen) for text, seen in zip(said, hidden, strict=True)}
    return sorted(found - {()}, key=lambda stretch: (-len(stretch), stretch))


def _stretch(said: Sequence[str], places: Places, shown: Collection[Run]) -> Run:
    """Each start is tried only where a longer stretch than the best one so far can begin."""
    best: Run = ()
    for start in range(len(said)):
        wanted = tuple(said[start : start + len(best) + 1])
        if len(wanted) <= len(best):
            break
        for text, at in places.get(tuple(said[start : start + 2]), ()):
            if tuple(text[at : at + len(wanted)]) == wanted:
                stretch = tuple(said[start : start + _common(said, start, text, at)])
                if len(stretch) > len(best) and _is_own(stretch, shown):
                    best = stretch
                    wanted = tuple(said[start : start + len(best) + 1])
    return best


def _is_own(stretch: Run, shown: Collection[Run]) -> bool:
    """Whether no run of eight of a stretch could be read in the prompt."""
    return not shown or not any(run in shown for run in runs(stretch, SIZE))


def _common(one: Sequence[str], start: int, other: Sequence[str], at: int) -> int:
    size = 0
    while start + size < len(one) and at + size < len(other) and one[start + size] == other[at + size]:
        size += 1
    return size
