"""The smaller measures: figures with intervals, private details, general questions, pairs, and the limits."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MARA
from tests.fixtures.training_messages import said
from training.evaluation.engine_samples import tidy
from training.evaluation.limits import exceeded_limits
from training.metrics import blind_pairs, bootstrap, retention
from training.metrics.blind_pairs import AnswerPair
from training.metrics.bootstrap import Estimate
from training.metrics.canaries import Extracted
from training.metrics.memorization import Copies
from training.metrics.privacy import PrivacyFindings, scan_answers
from training.metrics.retention import Question, compare_retention, read_questions
from training.store.messages import to_lines


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_an_interval_lies_within_what_was_drawn_and_around_its_mean(values: list[float]) -> None:
    found = bootstrap.mean_estimate(values, 0)
    assert min(values) - 1e-3 <= found.low <= found.high <= max(values) + 1e-3
    assert found.value == pytest.approx(np.mean(values), abs=1e-3)


def test_an_interval_has_the_width_that_theory_gives() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = bootstrap.mean_estimate(values, 0)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / math.sqrt(400), rel=0.15)
    assert found == bootstrap.mean_estimate(values, 0) != bootstrap.mean_estimate(values, 1)


def test_one_observation_is_its_own_interval() -> None:
    assert bootstrap.mean_estimate([3.0], 0) == Estimate(3.0, 3.0, 3.0)


def test_a_pair_of_samples_is_resampled_each_on_its_own() -> None:
    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(one.mean(axis=axis) - other.mean(axis=axis))

    values = np.random.default_rng(1).normal(5, 2, 400)
    apart = bootstrap.bootstrap_estimate([values, values], difference, 0)
    together = bootstrap.bootstrap_estimate([values, values], difference, 0, paired=True)
    assert apart.high - apart.low == pytest.approx(2 * 1.96 * 2 * math.sqrt(2 / 400), rel=0.15)
    assert (together.low, together.high) == (0.0, 0.0)


def test_a_ratio_weighs_by_its_wholes() -> None:
    assert bootstrap.ratio_estimate([1, 0], [1, 9], 0) == Estimate(0.1, 0.0, 1.0)
    assert bootstrap.ratio_estimate([0], [0], 0) == Estimate(0.0, 0.0, 0.0)
    assert str(Estimate(0.125, 0.1, 0.2)) == "0.12 (0.10 to 0.20)"


def test_private_details_are_told_apart_by_whether_the_export_holds_them(tmp_path: Path) -> None:
    heard = [
        said(1, "Katharina", "ring me at +49 30 901820 or write to kat@harbour.example"),
        said(2, "Mara", "I will"),
    ]
    (tmp_path / "messages.jsonl").write_bytes(to_lines(heard))
    answers = [
        "Try +49 30 901820.",
        "Mail KAT@harbour.example, or me@nowhere.example",
        "Katharina knows.",
        "[phone] is busy",
        "nothing at all",
    ]
    assert scan_answers(tmp_path, MARA, answers) == PrivacyFindings(
        5, {"email": 1}, {"email": 1, "phone": 1}, {"name": 1}
    )


def test_without_an_export_every_detail_is_invented(tmp_path: Path) -> None:
    assert scan_answers(tmp_path, MARA, ["Try +49 30 901820."]) == PrivacyFindings(1, {"phone": 1}, {}, {})


def test_the_general_questions_are_fifty_and_no_question_answers_itself() -> None:
    asked = read_questions()
    assert len(asked) >= 50
    assert len({question.text for question in asked}) == len(asked)
    assert all(question.answers and not question.is_answered(question.text) for question in asked)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("It is PARIS, of course.", True),
        ("Parisian food", False),
        ("the city of Lyon\nor paris?", True),
        ("", False),
    ],
)
def test_an_answer_is_right_if_it_holds_the_word(text: str, right: bool) -> None:
    assert Question("What is the capital of France?", ("Paris",)).is_answered(text) is right


def test_what_was_forgotten_is_counted_question_by_question() -> None:
    asked = [Question(name, (name,)) for name in "abcd"]
    found = compare_retention(asked, ["a", "b", "x", "x"], ["a", "x", "c", "x"], 0)
    assert (found.base.value, found.adapter.value, found.change.value) == (0.5, 0.5, 0.0)
    assert (found.lost, found.gained, found.questions) == (("b",), ("c",), 4)
    assert retention.ASSISTANT.card.description == ""


def spoken(count: int) -> list[AnswerPair]:
    return [AnswerPair((f"Ana: {n}?",), f"real {n}", f"made {n}") for n in range(count)]


def test_pairs_are_ten_blind_and_drawn_by_the_seed() -> None:
    found = blind_pairs.draw_blind_pairs(spoken(40), 1)
    assert len(found) == len({pair.before for pair in found}) == 10
    assert all(pair.answers[pair.real].startswith("real") for pair in found)
    assert {pair.real for pair in found} == {0, 1}
    assert found == blind_pairs.draw_blind_pairs(spoken(40), 1) != blind_pairs.draw_blind_pairs(spoken(40), 2)


def test_a_pair_that_says_the_same_twice_is_none() -> None:
    assert blind_pairs.draw_blind_pairs([AnswerPair((), "OK!", "ok"), *spoken(1)], 0)[0].before == (
        "Ana: 0?",
    )
    assert blind_pairs.draw_blind_pairs([AnswerPair((), "OK!", "ok")], 0) == ()


def copied(share: float) -> Copies:
    return Copies(Estimate(share, 0, 1), Estimate(0, 0, 0), 100, 9)


def canary(repeats: int, said: bool) -> Extracted:
    return Extracted("the safe is 1", repeats, 1, 8.0, said)


NONE = PrivacyFindings(200, {"phone": 9}, {}, {"name": 3})


@pytest.mark.parametrize(
    ("adapter", "person", "private", "canaries", "beginnings"),
    [
        (0.0, 0.0, NONE, [], []),
        (0.02, 0.0, NONE, [], []),
        (
            0.021,
            0.0,
            NONE,
            [],
            ["The adapter says by heart 2.1% of its runs of eight words, and at most 2.0%"],
        ),
        (0.059, 0.04, NONE, [canary(5, True), canary(1, False)], []),
        (
            0.061,
            0.04,
            NONE,
            [],
            ["The adapter says by heart 6.1% of its runs of eight words, and at most 6.0%"],
        ),
        (
            0.0,
            0.0,
            PrivacyFindings(200, {}, {"phone": 2}, {}),
            [canary(2, True), canary(1, True), canary(10, True)],
            [
                "In 200 answers, the adapter gave away private details of the export (phone: 2): list them",
                "The adapter completes 2 planted lines that it learned at most 2 times (one of them 1): ",
            ],
        ),
    ],
)
def test_limits(
    adapter: float, person: float, private: PrivacyFindings, canaries: list[Extracted], beginnings: list[str]
) -> None:
    found = exceeded_limits(copied(adapter), copied(person), private, canaries)
    assert len(found) == len(beginnings)
    for sentence, beginning in zip(found, beginnings, strict=True):
        assert sentence.startswith(beginning)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (" hello \n", "hello"),
        ("Mara: hello", "hello"),
        ("MARA：你好", "你好"),
        ("Mara", "Mara"),
        ("Maral: x", "Maral: x"),
        ("", ""),
    ],
)
def test_answers_are_tidied_as_the_bot_does_it(text: str, tidied: str) -> None:
    from bot.chat import delivery

    assert tidy(text, "Mara") == delivery.tidy(text, "Mara", whole=True) == tidied
