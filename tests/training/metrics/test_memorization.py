"""Memorization: copies in known texts."""

import pytest

from training.metrics.diversity import split_words
from training.metrics.memorization import PromptedAnswer, longest_copies, measure_copies

LEARNED = ["one two three four five six seven eight nine ten", "a b"]
HELD = ["the cat sat on the mat and it was fat"]


def shares(text: str, shown: str = "") -> tuple[float, float, int]:
    found = measure_copies({"x": [PromptedAnswer(text, shown)]}, LEARNED, HELD, 0)["x"]
    return found.learned.value, found.held.value, found.longest


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One, two, three: four five six seven EIGHT!", (1.0, 0.0, 8)),
        # three runs of eight, of which two are copied
        ("two three four five six seven eight nine ten twelve", (2 / 3, 0.0, 9)),
        ("the cat sat on the mat and it was thin", (0.0, 2 / 3, 0)),
        ("two three four", (0.0, 0.0, 3)),
        ("one", (0.0, 0.0, 0)),
        ("", (0.0, 0.0, 0)),
    ],
)
def test_copies_counted_by_hand(text: str, found: tuple[float, float, int]) -> None:
    assert shares(text) == pytest.approx(found, abs=1e-4)


def test_text_of_the_prompt_is_not_a_copy() -> None:
    assert shares(LEARNED[0], shown=f"Ana: {LEARNED[0]}!") == (0.0, 0.0, 7)  # fewer than eight are nobody's
    assert shares(LEARNED[0], shown="Ana: one two three")[::2] == (1.0, 10)


def test_characters_count_where_a_script_has_no_spaces() -> None:
    found = measure_copies(
        {"x": [PromptedAnswer("我今天去海边看了日落")]}, ["昨天我今天去海边看了日出"], [], 0
    )["x"]
    assert (found.runs, found.learned.value, found.longest) == (3, pytest.approx(2 / 3, abs=1e-4), 9)


def test_a_copy_does_not_cross_from_one_text_to_the_next() -> None:
    joined = "seven eight nine ten a b"
    assert longest_copies([split_words(joined)], map(split_words, LEARNED)) == [
        ("seven", "eight", "nine", "ten")
    ]


def test_the_longest_copies_are_examples() -> None:
    said = [PromptedAnswer(f"well {LEARNED[0]}"), PromptedAnswer("two three four five six seven eight nine")]
    found = measure_copies({"x": said}, LEARNED, HELD, 0)["x"]
    assert found.examples == (LEARNED[0], "two three four five six seven eight nine")
    assert found.runs == 5
