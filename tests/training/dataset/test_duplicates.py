"""The same in nearly the same words: found, and what only looks alike is not."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.invented import Inventor
from training.dataset.details import details_of
from training.dataset.duplicates import SHINGLE, SIMILAR, minhash, near_duplicates, normal_form, similarity


def shared(one: str, other: str) -> float:
    """The true share of shingles that two texts have in common."""
    sets = [{text[n : n + SHINGLE] for n in range(len(text) - SHINGLE + 1)} for text in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Loool!!", "lol"),
        ("ＯＫ.", "ok"),
        ("  It's   a\nBOOK ", "it s a book"),
        ("a gooood book of III", "a god book of iii"),
        ("11, 111 and 1", "11 111 and 1"),
        ("😂😂😂", "😂"),
        ("?!?", "!?"),
        (" \n", ""),
        ("两杯茶，谢谢", "两杯茶 谢谢"),
        ("哈哈哈哈", "哈哈哈哈"),
    ],
)
def test_case_marks_and_letters_held_down_do_not_matter(text: str, form: str) -> None:
    assert normal_form(text) == form


def test_the_estimate_of_what_two_texts_share_is_good_to_a_fourth() -> None:
    inventor, dice = Inventor(1), Random(2)
    errors = []
    for _ in range(200):
        words = normal_form(" ".join(inventor.text() for _ in range(3))).split()
        changed = [word if dice.random() < 0.9 else inventor.text() for word in words]
        one, other = " ".join(words), normal_form(" ".join(changed))
        errors.append(abs(similarity(minhash(one), minhash(other)) - shared(one, other)))
    assert max(errors) < 0.25
    assert sum(errors) / len(errors) < 0.06


def test_of_texts_that_are_nearly_the_same_all_but_the_first_are_found() -> None:
    inventor, dice = Inventor(3), Random(4)
    originals = [normal_form(" ".join(inventor.text() for _ in range(4))) for _ in range(300)]
    copies = []
    for text in originals:
        at = dice.randrange(len(text))
        copies.append(text[:at] + "x" + text[at + 1 :])
    truly = {300 + n for n in range(300) if shared(originals[n], copies[n]) >= SIMILAR + 0.1}
    found = near_duplicates([minhash(text) for text in (*originals, *copies)])
    assert len(truly & found) >= 0.99 * len(truly)
    assert min(found) >= 300


@given(st.lists(st.text("ab ", max_size=30), max_size=20))
def test_what_stays_is_never_alike(texts: list[str]) -> None:
    signatures = [minhash(text) for text in texts]
    gone = near_duplicates(signatures)
    kept = [each for number, each in enumerate(signatures) if number not in gone]
    assert all(similarity(one, other) < SIMILAR for n, one in enumerate(kept) for other in kept[:n])


def test_only_texts_of_one_group_are_compared() -> None:
    signatures = [minhash("the very same words again")] * 6
    assert near_duplicates(signatures, [1, 2, 1, 2, 3, 1]) == {2, 3, 5}


def test_the_least_share_is_an_option() -> None:
    signatures = [minhash("the very same words again"), minhash("the very same words")]
    share = similarity(*signatures)
    assert near_duplicates(signatures, least=share) == {1}
    assert near_duplicates(signatures, least=share + 0.01) == set()


DIFFERENT = [
    ("11", "1"),
    ("355", "35"),
    ("3.5", "35"),
    ("3-5", "3 5"),
    ("x² + 1", "x + 1"),
    ("I do", "I don't"),
    ("you can", "you cannot"),
    ("two boats", "three boats"),
    ("我去", "我不去"),
    ("行く", "行かない"),
    ("第一章", "第二章"),
    ("a = b", "a == b"),
    ("f(x)", "f[x]"),
    ("a.b", "a b"),
    ("rm -r x", "rm r x"),
    ("really?", "really"),
    ("👍", "👎"),
    ("snake_case", "snake case"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_numbers_negations_and_code_are_details_that_differ(one: str, other: str) -> None:
    assert details_of(one) != details_of(other)


@pytest.mark.parametrize(("one", "other"), [("Yes.", "yes!"), ("Well, so", "well so"), ("a “b”", 'a "b"')])
def test_case_and_marks_of_sentences_are_no_details(one: str, other: str) -> None:
    assert details_of(one) == details_of(other)


def test_the_first_of_a_crowd_always_stays() -> None:
    assert near_duplicates([minhash("the very same words again")] * 200) == set(range(1, 200))
