"""The selection of targets: their split (training or validation) and their weight; others are counted."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.message import Place
from training.dataset.duplicates import near_duplicates
from training.dataset.targets import COPYABLE, FoundTargets, Target
from training.dataset.transcript import Transcript
from training.store.chat_index import ChatIndex

Split = Literal["train", "validation"]
VALIDATION_SHARE = 0.1  # the share of targets that is held out
PHRASE_SHARE = 0.01  # the most of all targets that one short phrase may have: "ok" is style, a flood is not
PHRASE_MIN = 5  # targets that a short phrase may have in any case
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

    At most `per_chat` targets of one chat of people are learned, the newest ones; 0 is no limit. `test_size`
    is the count of targets that are held out, or below 1 their share; 0 holds none out.
    """

    per_chat: int = 5000
    test_size: float = VALIDATION_SHARE

    def held_out(self, targets: int) -> float:
        """Return how many of so many targets are held out."""
        return self.test_size * targets if self.test_size < 1 else self.test_size


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Selection:
    """The chosen targets of each chat, oldest first, and the count of all others by reason.

    `transcripts` are those of `FoundTargets`.
    """

    chosen: list[list[ChosenTarget]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    transcripts: dict[Place, Transcript] = field(default_factory=dict)


def select_targets(found: FoundTargets, chats: ChatIndex, limits: Limits) -> Selection:
    """Choose the targets that are learned or held out.

    1. Words that others wrote too are left out.
    2. A short phrase stays as often as its quota allows.
    3. Of longer words that are the same, or nearly the same, the oldest stay.
    4. The newest conversations are held out.
    5. Of each chat, the newest targets stay, as many as `limits` allow.
    """
    selection = Selection([[] for _ in chats.places], Counter(found.left_out), found.transcripts)
    left = sorted(found.targets, key=lambda target: target.time)  # stable: within a chat in its order
    left = _without(left, _pasted(left, found.pasted), "copied from others (copypasta)", selection)
    left = _without(left, _over_quota(left), "short phrases over their quota", selection)
    left = _without(left, _repeated(left), "repeated word for word", selection)
    left = _without(
        left, near_duplicates([target.signature for target in left]), "nearly repeated", selection
    )
    validation = _validation_sessions(left, limits.held_out(len(left)))
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


def _over_quota(targets: Sequence[Target]) -> Iterable[int]:
    """Yield the targets of each short phrase beyond its quota; the rest is spread over the whole time."""
    phrases: dict[int, list[int]] = {}
    for number, target in enumerate(targets):
        if target.size < COPYABLE:
            phrases.setdefault(target.text_hash, []).append(number)
    quota = max(PHRASE_MIN, math.ceil(PHRASE_SHARE * len(targets)))
    for numbers in phrases.values():
        if (count := len(numbers)) > quota:
            kept = {place * count // quota for place in range(quota)}
            yield from (number for place, number in enumerate(numbers) if place not in kept)


def _repeated(targets: Sequence[Target]) -> Iterable[int]:
    seen = set[int]()
    for number, target in enumerate(targets):
        if target.size >= COPYABLE:
            if target.text_hash in seen:
                yield number
            seen.add(target.text_hash)


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
    age = max(MIN_AGE_WEIGHT, 2.0 ** -((newest - target.time) / HALF_LIFE))
    share = UNKNOWN_WEIGHT if target.task == "unknown parent" else 1.0
    return round(float(age) * share, 3)
