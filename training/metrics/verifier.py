"""A verifier of authorship by character n-grams of 3 to 5.

As in arXiv 2509.24930, texts are TF-IDF vectors of the 10,000 most frequent n-grams. A text's score is how
much nearer it is to the person's text than to that of the nearest impostor (Koppel and Winter 2014), turned
by a logistic curve into the probability that the person wrote it, where person and impostors are as likely.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from training.metrics.bootstrap import Numbers

FOLDS = 5
NGRAMS, FEATURES = (3, 5), 10_000


class Verifier:
    """A verifier of the person against impostors, learned from two episodes at least of each."""

    def __init__(self, known: Sequence[str], others: Sequence[Sequence[str]]) -> None:
        everything = [*known, *(text for texts in others for text in texts)]
        self._vectorizer = TfidfVectorizer(
            analyzer="char", lowercase=False, ngram_range=NGRAMS, max_features=FEATURES, sublinear_tf=True
        ).fit(everything)
        authors = [self._vectors(known), *map(self._vectors, others)]
        self._centroids = [_centroid(vectors) for vectors in authors]
        nearness = np.concatenate([_cross_validated(authors, number) for number in range(len(authors))])
        is_person = np.concatenate([np.full(len(each), number == 0) for number, each in enumerate(authors)])
        scaled = _standardise(nearness, nearness)
        self._curve = LogisticRegression(class_weight="balanced").fit(scaled, is_person)
        self._nearness = nearness

    def scores(self, texts: Sequence[str]) -> Numbers:
        """Return the probability [episodes] that the person wrote each episode."""
        nearness = _nearness(self._vectors(texts), self._centroids)
        found: Numbers = self._curve.predict_proba(_standardise(nearness, self._nearness))[:, 1]
        return found

    def _vectors(self, texts: Sequence[str]) -> Numbers:
        """Return vectors [episodes, features]."""
        found: Numbers = self._vectorizer.transform(texts).toarray()
        return found


def _cross_validated(authors: Sequence[Numbers], number: int) -> Numbers:
    """Return the nearness [episodes] of one author's episodes, each without its own fold in the centroid."""
    own = authors[number]
    found = np.empty(len(own))
    folds = np.arange(len(own)) % min(FOLDS, len(own))
    for fold in np.unique(folds):
        kept = [own[folds != fold] if at == number else vectors for at, vectors in enumerate(authors)]
        found[folds == fold] = _nearness(own[folds == fold], [_centroid(vectors) for vectors in kept])
    return found


def _centroid(vectors: Numbers) -> Numbers:
    """Return the mean [features] of vectors [episodes, features], of length 1."""
    mean: Numbers = vectors.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def _nearness(vectors: Numbers, centroids: Sequence[Numbers]) -> Numbers:
    """Return [episodes]: the similarity to the person (first centroid) less that to the nearest impostor."""
    similarity = np.stack([vectors @ centroid for centroid in centroids])
    found: Numbers = similarity[0] - similarity[1:].max(axis=0)
    return found


def _standardise(values: Numbers, known: Numbers) -> Numbers:
    """Return values [episodes, 1] with the spread that the regularisation of the logistic curve expects."""
    found: Numbers = ((values - known.mean()) / max(float(known.std()), 1e-12))[:, None]
    return found
