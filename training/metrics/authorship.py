"""Author verification: the probability that the person wrote a set of answers, with AUC and ROC curve."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_curve

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate, Numbers
from training.metrics.verifier import Verifier

# Characters of an episode; the fewer there are, the less a text shows its author.
LONGEST, SHORTEST = 400, 100
TARGET_EPISODES = 8  # of a set, unless they would be shorter than the shortest
MIN_EPISODES = 4  # of a set, without which nothing is verified
MAX_EPISODES = 500  # from which the verifier learns an author
MIN_GAP = 0.1  # between the mean probabilities of base model and person, for a position between them

Halves = tuple[Sequence[str], Sequence[str]]


class RocCurve(msgspec.Struct, frozen=True):
    """Points of a ROC curve: rates of false positives and of true positives."""

    false: tuple[float, ...]
    true: tuple[float, ...]


class SetVerification(msgspec.Struct, frozen=True):
    """Probability of one set of answers, AUC of the person's answers against it, and the ROC curve."""

    score: Estimate
    auc: Estimate | None
    curve: RocCurve | None
    episodes: int


class Verification(msgspec.Struct, frozen=True):
    """All sets by name; `ways` is the position of each between base model (0) and person (1).

    `ways` is empty where the verifier does not tell the person from the base model.
    """

    characters: int
    sets: dict[str, SetVerification]
    ways: dict[str, Estimate]


def verify_authorship(
    learned: Sequence[str],
    sets: Mapping[str, Halves],
    impostors: Sequence[str],
    person: str,
    base: str,
    seed: int,
) -> Verification | None:
    """Score answers with two verifiers, each of which learned from the other halves of the sets.

    `learned` is the person's training text, oldest first. `sets` are answers in two halves, with no prompt in
    both; `impostors` names the sets that stand for anybody else. The set "late half" is added: the later half
    of `learned`, against its earlier half. Returns None where there is too little text.
    """
    size = _episode_size([*sets.values()])
    known = _sample_evenly(join_episodes(learned, size))
    scores = dict[str, list[Numbers]]()
    for side in (0, 1):
        others = [_sample_evenly(join_episodes(sets[name][1 - side], size)) for name in impostors]
        scored = {name: join_episodes(halves[side], size) for name, halves in sets.items()}
        shortest = min(map(len, (known, *others, *scored.values())))
        if shortest < MIN_EPISODES // 2 or len(known) < 2 * MIN_EPISODES:
            return None
        verifier = Verifier(known, others)
        for name, texts in scored.items():
            scores.setdefault(name, []).append(verifier.scores(texts))
        half = len(known) // 2
        if side == 0:
            scores["late half"] = [Verifier(known[:half], others).scores(known[half:])]
    joined = {name: np.concatenate(each) for name, each in scores.items()}
    verified = {
        name: _verify_set(joined[person], each, name == person, seed) for name, each in joined.items()
    }
    return Verification(size, verified, _relative_positions(joined, person, base, seed))


def join_episodes(texts: Sequence[str], size: int) -> list[str]:
    """Join answers, in order, to episodes of at least `size` characters; the rest is dropped."""
    episodes, joined = list[str](), ""
    for text in texts:
        joined += text.strip() + "\n"
        if len(joined) >= size:
            episodes.append(joined)
            joined = ""
    return episodes


def _sample_evenly(episodes: list[str]) -> list[str]:
    count = min(MAX_EPISODES, len(episodes))
    return [episodes[place * len(episodes) // count] for place in range(count)]


def _episode_size(sets: Sequence[Halves]) -> int:
    """Return the characters of an episode that give the shortest half enough episodes."""
    least = min(sum(len(text) + 1 for text in half) for halves in sets for half in halves)
    return max(SHORTEST, min(LONGEST, least // (TARGET_EPISODES // 2)))


def _verify_set(person: Numbers, scores: Numbers, is_own: bool, seed: int) -> SetVerification:
    score = bootstrap.mean_estimate(scores, seed)
    if is_own:
        return SetVerification(score, None, None, len(scores))
    auc = bootstrap.bootstrap_estimate([person, scores], _auc, seed)
    is_person = np.repeat([1, 0], [len(person), len(scores)])
    false, true, _ = roc_curve(is_person, np.concatenate([person, scores]))
    curve = RocCurve(tuple(false.round(4).tolist()), tuple(true.round(4).tolist()))
    return SetVerification(score, auc, curve, len(scores))


def _auc(person: Numbers, scores: Numbers, axis: int = -1) -> Numbers:
    """Return the area under the ROC curve: U / (n m) of Mann and Whitney (Hanley and McNeil 1982).

    `sklearn.metrics.roc_auc_score` gives the same for one resample a call, and 1,000 of them take 2 seconds.
    """
    u: Numbers = mannwhitneyu(person, scores, axis=axis, method="asymptotic").statistic
    auc: Numbers = u / (person.shape[axis] * scores.shape[axis])
    return auc


def _relative_positions(
    scores: Mapping[str, Numbers], person: str, base: str, seed: int
) -> dict[str, Estimate]:
    """Return the position of each other set's mean between those of base model (0) and person (1)."""
    ends = [scores[base], scores[person]]
    if ends[1].mean() - ends[0].mean() < MIN_GAP:
        return {}
    others = [name for name in scores if name not in (person, base)]
    return {
        name: bootstrap.bootstrap_estimate([*ends, scores[name]], _relative_position, seed) for name in others
    }


def _relative_position(base: Numbers, person: Numbers, scores: Numbers, axis: int) -> Numbers:
    start, end, reached = (each.mean(axis=axis) for each in (base, person, scores))
    return bootstrap.divide_or_zero(reached - start, end - start, end - start >= MIN_GAP / 2)
