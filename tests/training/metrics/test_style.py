"""Style: histograms counted by hand, and known distances."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import style
from training.metrics.diversity import (
    distinct_share,
    first_words,
    ngrams,
    repeated_answers,
    self_repetition,
    split_words,
)
from training.metrics.style import histogram_distance, style_profiles

HALVES = {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (HALVES, HALVES, 0.0),
        ({"a": 1.0}, {"b": 1.0}, 1.0),
        # the middle is (3/4, 1/4): half of log2(4/3), and half of (1/2 log2(2/3) + 1/2 log2(2))
        ({"a": 1.0}, HALVES, math.sqrt(math.log2(4 / 3) / 2 + (math.log2(2 / 3) + 1) / 4)),
        ({"a": 0.5, "b": 0.5, "c": 0.0}, HALVES, 0.0),
        ({"a": 0.0}, {"a": 0.0}, 0.0),
    ],
)
def test_the_distance_of_known_histograms(
    one: dict[str, float], other: dict[str, float], apart: float
) -> None:
    assert histogram_distance(one, other) == pytest.approx(apart)
    assert histogram_distance(other, one) == pytest.approx(apart)


counts = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 50), min_size=1)


@given(counts, counts, counts)
def test_the_distance_is_a_metric_between_0_and_1(
    one: dict[str, int], two: dict[str, int], three: dict[str, int]
) -> None:
    p, q, r = ({key: n / sum(each.values()) for key, n in each.items()} for each in (one, two, three))
    assert -1e-9 <= histogram_distance(p, q) <= 1 + 1e-9
    assert histogram_distance(p, r) <= histogram_distance(p, q) + histogram_distance(q, r) + 1e-6


@pytest.mark.parametrize(
    ("measure", "texts", "shares"),
    [
        (style.message_lengths, ["ok", "see you\nthere then"], {"1-3": 1 / 3, "4-7": 1 / 3, "8-15": 1 / 3}),
        (style.message_lengths, ["x" * 5000], {"256+": 1.0}),
        (
            style.emoji_counts,
            ["hi 😀", "no", "😀😀😀😀", "☕ ok 🍵"],
            {"0": 0.25, "1": 0.25, "2": 0.25, "3+": 0.25},
        ),
        (style.punctuation_marks, ["no", "Yes, really?!"], {"none": 0.25, ",": 0.25, "?": 0.25, "!": 0.25}),
        (style.punctuation_marks, ["好。", "wait..."], {".": 0.5, "...": 0.5}),
        (style.punctuation_marks, ["¿que"], {"other": 1.0}),
        (
            style.letter_case,
            ["all small", "First one", "NO WAY", "I am Bo", "123 👍"],
            dict.fromkeys(
                (
                    "small letters only",
                    "first one capital",
                    "capitals only",
                    "capitals inside",
                    "no letters",
                ),
                0.2,
            ),
        ),
        (style.burst_sizes, ["one", "one\ntwo", "1\n2\n3\n4\n5\n6", ""], {"1": 0.5, "2": 0.25, "5+": 0.25}),
    ],
)
def test_histograms_counted_by_hand(measure: object, texts: list[str], shares: dict[str, float]) -> None:
    found = measure(texts)  # type: ignore[operator]
    assert {key: share for key, share in found.items() if share} == pytest.approx(shares)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Well, I'm off!", ["well", "i", "m", "off"]),
        ("去吃饭 now", ["去", "吃", "饭", "now"]),
        ("ＡＢＣ", ["abc"]),
        ("👍", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert split_words(text) == found


def test_distinct_n_counted_by_hand() -> None:
    said = [["a", "b", "a", "b"], ["a", "b", "c"]]
    assert ngrams(said[0], 3) == [("a", "b", "a"), ("b", "a", "b")]
    assert distinct_share(said, 1) == pytest.approx(3 / 7, abs=1e-4)
    assert distinct_share(said, 2) == pytest.approx(3 / 5, abs=1e-4)
    assert distinct_share(said, 3) == 1.0
    assert distinct_share([], 1) == 0.0


def test_self_repetition_counted_by_hand() -> None:
    said = [list("abcde"), list("abcdx"), list("zzzzz")]
    # five different runs of four in their answers: abcd twice, bcde, bcdx, zzzz once
    assert self_repetition(said) == pytest.approx(2 / 5)
    assert repeated_answers([["ok"], ["OK"], ["no"]]) == pytest.approx(1 / 3, abs=1e-4)


def test_diversity_is_measured_on_as_many_words_of_each_set() -> None:
    assert first_words(["a b c", "d e", "f"], 4) == [["a", "b", "c"], ["d"]]
    found = style_profiles(["x y"], {"long": ["a b c d", "a b c d"], "short": ["e f g h"]})
    assert found["long"].distinct == found["short"].distinct == (1.0, 1.0, 1.0)


def test_the_persons_own_style_has_distance_0() -> None:
    texts = ["Hello there!", "ok\nfine 😀"]
    profile = style_profiles(texts, {"same": texts, "other": ["NO."]})["same"]
    assert profile.distances == dict.fromkeys(style.MEASURES, 0.0)
    assert profile.distance == 0.0


def test_a_set_without_any_message_lies_between_the_same_and_nothing_in_common() -> None:
    assert (
        histogram_distance({"a": 0.0, "b": 0.0}, HALVES)
        == histogram_distance(HALVES, {})
        == pytest.approx(math.sqrt(0.5))
    )
