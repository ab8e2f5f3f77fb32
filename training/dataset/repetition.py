"""Repetition: examples, question and answer together, that came before, word for word or nearly so."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from training.dataset.duplicates import NO_SIGNATURE, Signature, near_duplicates, similar_pairs, similarity
from training.dataset.targets import COPYABLE, Target

LONG = 64  # bytes of an answer's normal form from which on nearly the same words are a copy
REPEATED, NEARLY = "repeated word for word", "nearly repeated"
OTHER_QUESTION, OTHER_DETAILS = "kept: another question", "kept: other numbers, negations or signs"
STAYS = "kept"


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Two targets that were compared, the share of what their answers have in common, and the verdict."""

    earlier: Target
    later: Target
    share: float
    verdict: str


def repeated(targets: Sequence[Target], most: int) -> Iterator[int]:
    """Yield the numbers of examples beyond the first `most` of the same question and long answer; 0 is all.

    Short answers never repeat: what somebody often says keeps its share.
    """
    seen = dict[tuple[int, int], int]()
    for number, target in enumerate(targets):
        if target.size >= COPYABLE and most:
            key = _example(target)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > most:
                yield number


def nearly_repeated(targets: Sequence[Target], least: float | None) -> set[int]:
    """Return the numbers of examples with an earlier question and nearly its long answer; None finds none.

    The same example again is compared as it was the first time: `repeated` has left as many as are wanted.
    """
    if least is None:
        return set()
    first = dict[tuple[int, int], int]()
    for number, target in enumerate(targets):
        first.setdefault(_example(target), number)
    once = [targets[number] for number in first.values()]
    groups = [target.question ^ target.details for target in once]
    gone = {_example(once[number]) for number in near_duplicates(_signatures(once), groups, least)}
    return {
        number for number, target in enumerate(targets) if target.size >= LONG and _example(target) in gone
    }


def learned_elsewhere(targets: Sequence[Target], held: Sequence[bool]) -> Iterator[int]:
    """Yield the numbers of held-out examples that are also learned, as where repetitions are allowed."""
    learned = {_example(each) for each, is_held in zip(targets, held, strict=True) if not is_held}
    for number, (each, is_held) in enumerate(zip(targets, held, strict=True)):
        if is_held and each.size >= COPYABLE and _example(each) in learned:
            yield number


def judge_pairs(
    targets: Sequence[Target], removed: Iterable[int], least: float | None
) -> Iterator[JudgedPair]:
    """Yield all pairs of long answers that are the same or alike, with the reason why the later one stays."""
    gone, last = set(removed), dict[tuple[int, ...], Target]()
    for number, target in enumerate(targets):
        if target.size >= COPYABLE:
            answer, example = (target.text_hash,), _example(target)
            if earlier := last.get(example) or last.get(answer):
                verdict = _verdict(earlier, target, REPEATED if number in gone else STAYS)
                yield JudgedPair(earlier, target, 1.0, verdict)
            last[answer] = last[example] = target
    if least is None:
        return
    for one, other in sorted(set(similar_pairs(_signatures(targets), least=least))):
        earlier, later = targets[one], targets[other]
        if earlier.text_hash != later.text_hash:
            share = similarity(earlier.signature, later.signature)
            verdict = _verdict(earlier, later, NEARLY if other in gone else STAYS)
            yield JudgedPair(earlier, later, share, verdict)


def _example(target: Target) -> tuple[int, int]:
    return target.question, target.text_hash


def _verdict(earlier: Target, later: Target, same: str) -> str:
    if earlier.details != later.details:
        return OTHER_DETAILS
    return same if earlier.question == later.question else OTHER_QUESTION


def _signatures(targets: Sequence[Target]) -> list[Signature]:
    return [target.signature if target.size >= LONG else NO_SIGNATURE for target in targets]
