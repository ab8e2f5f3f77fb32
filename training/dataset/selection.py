"""The selection of targets: their split (training or validation) and their weight; others are counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.message import Place
from training.dataset.duplicates import SIMILAR
from training.dataset.repetition import (
    NEARLY,
    REPEATED,
    JudgedPair,
    judge_pairs,
    learned_elsewhere,
    nearly_repeated,
    repeated,
)
from training.dataset.targets import FoundTargets, Target
from training.dataset.transcript import Transcript
from training.store.chat_index import ChatIndex

Split = Literal["train", "validation"]
VALIDATION_SHARE = 0.1  # the share of targets that is held out
HALF_LIFE = 3 * 365.25 * 86_400  # seconds in which words lose half their weight: people change
MIN_AGE_WEIGHT = 0.3  # the least weight for age
UNKNOWN_WEIGHT = 0.3  # the weight of an answer to something unknown


@dataclass(frozen=True, slots=True)
class ChosenTarget:
    """A target that is learned or held out; `weight` is that of its loss."""

    target: Target
    split: Split
    weight: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of what is learned.

    At most `per_chat` targets of one chat of people are learned, the newest ones; 0 is no limit. The same
    question with the same long answer is learned `repeats` times, 0 is no limit. From a share of
    `near_duplicates` on, long answers to the same question are nearly repeated; None keeps all. `test_size`
    is the count of targets that are held out, or below 1 their share; 0 holds none out.
    """

    per_chat: int = 5000
    near_duplicates: float | None = SIMILAR
    repeats: int = 1
    test_size: float = VALIDATION_SHARE

    def held_out(self, targets: int) -> float:
        """Return how many of so many targets are held out."""
        return self.test_size * targets if self.test_size < 1 else self.test_size


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Selection:
    """The chosen targets of each chat, oldest first, and the count of all others by reason.

    `transcripts` are those of `FoundTargets`. `judged` are the pairs that were compared for repetition, where
    somebody wants to see them.
    """

    chosen: list[list[ChosenTarget]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    transcripts: dict[Place, Transcript] = field(default_factory=dict)
    judged: list[JudgedPair] = field(default_factory=list)


def select_targets(found: FoundTargets, chats: ChatIndex, limits: Limits, explain: bool = False) -> Selection:
    """Choose the targets that are learned or held out; `explain` keeps the pairs that were compared.

    1. Words that others wrote too are left out.
    2. Of long answers to the same question that are the same, or nearly the same, the oldest stay.
    3. The newest conversations are held out, but for examples that are learned elsewhere.
    4. Of each chat, the newest targets stay, as many as `limits` allow.
    """
    selection = Selection([[] for _ in chats.places], Counter(found.left_out), found.transcripts)
    left = sorted(found.targets, key=lambda target: target.time)  # stable: within a chat in its order
    left = _without(left, _pasted(left, found.pasted), "copied from others (copypasta)", selection)
    left = _without_repetitions(left, limits, selection, explain)
    validation = _validation_sessions(left, limits.held_out(len(left)))
    held = [target.session in validation for target in left]
    left = _without(left, learned_elsewhere(left, held), "held out, but learned elsewhere", selection)
    over = _over_cap(left, validation, chats.places, chats, limits.per_chat)
    left = _without(left, over, f"more than {limits.per_chat:,} of one chat", selection)
    newest = max((target.time for target in left), default=0.0)
    for target in left:
        split: Split = "validation" if target.session in validation else "train"
        selection.chosen[target.place].append(ChosenTarget(target, split, _weight(target, newest)))
    return selection


def _without(
    targets: Sequence[Target], removed: Iterable[int], reason: str, selection: Selection
) -> list[Target]:
    """Return the targets without these numbers, and count them in `selection.left_out`."""
    numbers = set(removed)
    if numbers:
        selection.left_out[reason] += len(numbers)
    return [target for number, target in enumerate(targets) if number not in numbers]


def _pasted(targets: Sequence[Target], others: set[int]) -> Iterable[int]:
    return (number for number, each in enumerate(targets) if not others.isdisjoint(each.pastes))


def _without_repetitions(
    targets: list[Target], limits: Limits, selection: Selection, explain: bool
) -> list[Target]:
    once = _without(targets, repeated(targets, limits.repeats), REPEATED, selection)
    left = _without(once, nearly_repeated(once, limits.near_duplicates), NEARLY, selection)
    if explain:
        kept = {id(target) for target in left}
        removed = (number for number, target in enumerate(targets) if id(target) not in kept)
        selection.judged.extend(judge_pairs(targets, removed, limits.near_duplicates))
    return left


def _validation_sessions(targets: Sequence[Target], wanted: float) -> set[int]:
    """Return the newest whole conversations that have so many targets; never all conversations."""
    begun: dict[int, tuple[float, int]] = {}
    sizes = Counter(target.session for target in targets)
    for target in targets:
        begun.setdefault(target.session, (target.time, target.session))
    validation = set[int]()
    for _, session in sorted(begun.values(), reverse=True)[: len(begun) - 1]:
        if wanted <= 0:
            break
        validation.add(session)
        wanted -= sizes[session]
    return validation


def _over_cap(
    targets: Sequence[Target], validation: set[int], places: Sequence[Place], chats: ChatIndex, limit: int
) -> Iterable[int]:
    """Yield the oldest training targets of each chat beyond its cap; posts have no cap."""
    counts = Counter[int]()
    for number in range(len(targets) - 1, -1, -1):
        target = targets[number]
        if not limit or target.session in validation or chats.is_posts(places[target.place]):
            continue
        counts[target.place] += 1
        if counts[target.place] > limit:
            yield number


def _weight(target: Target, newest: float) -> float:
    dated = target.time > 0  # data sets have no times
    age = max(MIN_AGE_WEIGHT, 2.0 ** -((newest - target.time) / HALF_LIFE)) if dated else 1.0
    share = UNKNOWN_WEIGHT if target.task == "unknown parent" else 1.0
    return round(float(age) * share, 3)
