"""Author verification: authors who are told apart, and known positions between them."""

from random import Random

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from training.metrics.authorship import (
    Verification,
    _auc,
    _relative_positions,
    join_episodes,
    verify_authorship,
)
from training.metrics.verifier import Verifier

VOICES = {
    "salt": ["aye the tide turns slow", "mind the ropes lad", "fog again i reckon", "the lamp wants oil"],
    "text": ["OMG that is sooo cute!!", "LOL no wayyy!!", "cant even rn!!!", "ur the BEST omg!!"],
    "firm": ["Please find the form enclosed.", "Kindly confirm receipt.", "We regret the delay.", "Yours."],
}


def lines(voice: str, count: int, seed: int, other: str = "", share: float = 0.0) -> list[str]:
    """Return `count` lines of one voice, with a share of another's."""
    rng = Random(f"{voice} {seed}")
    return [rng.choice(VOICES[other if rng.random() < share else voice]) for _ in range(count)]


def halves(
    voice: str, count: int, seed: int, other: str = "", share: float = 0.0
) -> tuple[list[str], list[str]]:
    said = lines(voice, count, seed, other, share)
    return said[::2], said[1::2]


def verification(**sets: tuple[list[str], list[str]]) -> Verification:
    known = {
        "person": halves("salt", 160, 1),
        "base": halves("firm", 160, 2),
        "other": halves("text", 160, 3),
    }
    found = verify_authorship(lines("salt", 400, 4), known | sets, ("base", "other"), "person", "base", 0)
    assert found is not None
    return found


def test_the_person_is_told_from_everybody_else() -> None:
    found = verification(adapter=halves("salt", 160, 5))
    assert {name: round(each.score.value) for name, each in found.sets.items()} == {
        "person": 1,
        "base": 0,
        "other": 0,
        "adapter": 1,
        "late half": 1,
    }
    for name in ("base", "other"):
        assert (found.sets[name].auc.value, found.sets[name].curve.true[-1]) == (1.0, 1.0)  # type: ignore[union-attr]
    assert found.ways["adapter"].value == pytest.approx(1.0, abs=0.1)
    assert found.ways["other"].value == pytest.approx(0.0, abs=0.1)


def test_a_mixture_of_person_and_base_lies_between_them() -> None:
    found = verification(
        adapter=halves("salt", 160, 6, "firm", 0.5), shots=halves("salt", 160, 7, "firm", 0.9)
    )
    assert found.ways["shots"].high < found.ways["adapter"].low
    assert 0.1 < found.ways["adapter"].value < 0.9


def test_the_same_seed_gives_the_same_figures() -> None:
    assert verification() == verification()


def test_too_little_text_is_not_verified() -> None:
    few = {"person": halves("salt", 8, 1), "base": halves("firm", 8, 2), "other": halves("text", 8, 3)}
    assert verify_authorship(lines("salt", 400, 4), few, ("base", "other"), "person", "base", 0) is None
    assert verify_authorship(lines("salt", 10, 4), few, ("base", "other"), "person", "base", 0) is None


def test_a_verifier_of_one_author_against_itself_is_undecided() -> None:
    own = join_episodes(lines("salt", 400, 1), 200)
    scores = Verifier(own[::2], [own[1::2]]).scores(join_episodes(lines("salt", 200, 9), 200))
    assert 0.3 < scores.mean() < 0.7


@pytest.mark.parametrize(
    ("person", "other", "auc"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.5, 0.1], [0.5, 0.1], 0.5),
        ([1, 3], [2, 0], 0.75),
        ([1, 1], [1], 0.5),
    ],
)
def test_the_auc_is_that_of_scikit_learn(person: list[float], other: list[float], auc: float) -> None:
    assert _auc(np.array(person, float), np.array(other, float)) == pytest.approx(auc)
    sides = [1] * len(person) + [0] * len(other)
    assert roc_auc_score(sides, [*person, *other]) == pytest.approx(auc)


def test_the_position_between_base_and_person() -> None:
    scores = {"base": np.full(9, 0.2), "person": np.full(9, 0.8), "adapter": np.full(9, 0.65)}
    assert _relative_positions(scores, "person", "base", 0)["adapter"].value == pytest.approx(0.75)
    near = scores | {"person": np.full(9, 0.25)}
    assert _relative_positions(near, "person", "base", 0) == {}


def test_episodes_are_whole_answers() -> None:
    assert join_episodes(["abc", " de ", "f", "ghijkl", "m"], 6) == ["abc\nde\n", "f\nghijkl\n"]
