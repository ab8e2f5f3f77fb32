"""Author verification: does a text look as if the person wrote it, by its runs of 3 to 5 characters.

As in arXiv 2509.24930, texts are TF-IDF vectors of the 10,000 most frequent runs. A text's score is how much
nearer it is to the person's words than to those of the nearest impostor (Koppel and Winter 2014), turned by a
logistic curve into the probability that the person wrote it, where the person is as likely as the impostors.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

from training.metrics import bootstrap
from training.metrics.bootstrap import Estimate, Numbers

LONGEST, SHORTEST = (
    400,
    100,
)  # characters of an episode: the fewer there are, the less a text shows its author
WANTED = 8  # episodes of a set, as long as they are not the shortest
FEWEST = 4  # episodes without which nothing can be said
MOST = 500  # episodes by which somebody is known well enough
FOLDS = 5
RUNS, FEATURES = (3, 5), 10_000
APART = 0.1  # of probability by which person and base model differ at least, where there is a way between

Halves = tuple[Sequence[str], Sequence[str]]


class Curve(msgspec.Struct, frozen=True):
    """Points of a ROC curve: false positives and true positives, as shares."""

    false: tuple[float, ...]
    true: tuple[float, ...]


class Verified(msgspec.Struct, frozen=True):
    """One set of answers: its probability, the AUC of the person's own against it, and the curve of that."""

    score: Estimate
    auc: Estimate | None
    curve: Curve | None
    episodes: int


class Verification(msgspec.Struct, frozen=True):
    """All sets by name; `ways` is how far each went from the base model (0) to the person (1).

    `ways` is empty where the verifier does not tell the person from the base model.
    """

    characters: int
    sets: dict[str, Verified]
    ways: dict[str, Estimate]


def verify(
    learned: Sequence[str],
    sets: Mapping[str, Halves],
    impostors: Sequence[str],
    person: str,
    base: str,
    seed: int,
) -> Verification | None:
    """Scores of answers that a verifier never saw: it is made twice, and each time tried on the other halves.

    `learned` are the person's words of the training part, oldest first. `sets` are answers in two halves, of
    which no prompt is in both; `impostors` names those that stand for anybody else. The set "late half" is
    added: the later half of `learned`, against its earlier half. None where there is too little text.
    """
    size = _size([*sets.values()])
    scores = dict[str, list[Numbers]]()
    for side in (0, 1):
        others = [_some(episodes(sets[name][1 - side], size)) for name in impostors]
        known = _some(episodes(learned, size))
        tried = {name: episodes(halves[side], size) for name, halves in sets.items()}
        if min(map(len, (known, *others, *tried.values()))) < FEWEST // 2 or len(known) < 2 * FEWEST:
            return None
        verifier = Verifier(known, others)
        for name, texts in tried.items():
            scores.setdefault(name, []).append(verifier.scores(texts))
        half = len(known) // 2
        if side == 0:
            scores["late half"] = [Verifier(known[:half], others).scores(known[half:])]
    whole = {name: np.concatenate(found) for name, found in scores.items()}
    found = {name: _verified(whole[person], each, name == person, seed) for name, each in whole.items()}
    return Verification(size, found, _ways(whole, person, base, seed))


def episodes(texts: Sequence[str], size: int) -> list[str]:
    """Answers put together, in order, until there are so many characters; what is left over is dropped."""
    found, held = list[str](), ""
    for text in texts:
        held += text.strip() + "\n"
        if len(held) >= size:
            found.append(held)
            held = ""
    return found


def _some(found: list[str]) -> list[str]:
    """Not too many, spread over all."""
    count = min(MOST, len(found))
    return [found[place * len(found) // count] for place in range(count)]


class Verifier:
    """Knows the person by some episodes, and impostors by theirs: two at least of each."""

    def __init__(self, known: Sequence[str], others: Sequence[Sequence[str]]) -> None:
        everything = [*known, *(text for texts in others for text in texts)]
        self._runs = TfidfVectorizer(
            analyzer="char", lowercase=False, ngram_range=RUNS, max_features=FEATURES, sublinear_tf=True
        ).fit(everything)
        sides = [self._vectors(known), *map(self._vectors, others)]
        self._middles = [_middle(side) for side in sides]
        nearness = np.concatenate([_crossed(sides, number) for number in range(len(sides))])
        is_own = np.concatenate([np.full(len(side), number == 0) for number, side in enumerate(sides)])
        self._curve = LogisticRegression(class_weight="balanced").fit(_scaled(nearness, nearness), is_own)
        self._nearness = nearness

    def scores(self, texts: Sequence[str]) -> Numbers:
        """The probability, for each episode, that the person wrote it."""
        near = _nearness(self._vectors(texts), self._middles)
        found: Numbers = self._curve.predict_proba(_scaled(near, self._nearness))[:, 1]
        return found

    def _vectors(self, texts: Sequence[str]) -> Numbers:
        found: Numbers = self._runs.transform(texts).toarray()
        return found


def _crossed(sides: Sequence[Numbers], number: int) -> Numbers:
    """The nearness of one side's episodes, each measured without its own fold."""
    own = sides[number]
    found = np.empty(len(own))
    folds = np.arange(len(own)) % min(FOLDS, len(own))
    for fold in np.unique(folds):
        rest = [
            _middle(own[folds != fold]) if at == number else _middle(side) for at, side in enumerate(sides)
        ]
        found[folds == fold] = _nearness(own[folds == fold], rest)
    return found


def _middle(vectors: Numbers) -> Numbers:
    middle: Numbers = vectors.mean(axis=0)
    return middle / max(float(np.linalg.norm(middle)), 1e-12)


def _nearness(vectors: Numbers, middles: Sequence[Numbers]) -> Numbers:
    """By how much more each row looks like the person (the first middle) than like the nearest impostor."""
    alike = np.stack([vectors @ middle for middle in middles])
    found: Numbers = alike[0] - alike[1:].max(axis=0)
    return found


def _scaled(values: Numbers, known: Numbers) -> Numbers:
    """One column with the spread that the logistic curve's regularisation is made for."""
    found: Numbers = ((values - known.mean()) / max(float(known.std()), 1e-12))[:, None]
    return found


def _size(sets: Sequence[Halves]) -> int:
    """As long as gives the shortest half enough episodes."""
    least = min(sum(len(text) + 1 for text in half) for halves in sets for half in halves)
    return max(SHORTEST, min(LONGEST, least // (WANTED // 2)))


def _verified(person: Numbers, scores: Numbers, is_own: bool, seed: int) -> Verified:
    score = bootstrap.mean_estimate(scores, seed)
    if is_own:
        return Verified(score, None, None, len(scores))
    auc = bootstrap.bootstrap_estimate([person, scores], _auc, seed)
    is_person = np.repeat([1, 0], [len(person), len(scores)])
    false, true, _ = roc_curve(is_person, np.concatenate([person, scores]))
    curve = Curve(tuple(false.round(4).tolist()), tuple(true.round(4).tolist()))
    return Verified(score, auc, curve, len(scores))


def _auc(person: Numbers, scores: Numbers, axis: int = -1) -> Numbers:
    """Return the area under the ROC curve: U / (n m) of Mann and Whitney (Hanley and McNeil 1982).

    `sklearn.metrics.roc_auc_score` gives the same for one resample a call, and 1,000 of them take 2 seconds.
    """
    u: Numbers = mannwhitneyu(person, scores, axis=axis, method="asymptotic").statistic
    auc: Numbers = u / (person.shape[axis] * scores.shape[axis])
    return auc


def _ways(scores: Mapping[str, Numbers], person: str, base: str, seed: int) -> dict[str, Estimate]:
    """How far the mean of each other set lies on the way from the base model's mean to the person's."""
    ends = [scores[base], scores[person]]
    if ends[1].mean() - ends[0].mean() < APART:
        return {}
    others = [name for name in scores if name not in (person, base)]
    return {name: bootstrap.bootstrap_estimate([*ends, scores[name]], _way, seed) for name in others}


def _way(base: Numbers, person: Numbers, scores: Numbers, axis: int) -> Numbers:
    start, end, reached = (each.mean(axis=axis) for each in (base, person, scores))
    return bootstrap.divide_or_zero(reached - start, end - start, end - start >= APART / 2)
