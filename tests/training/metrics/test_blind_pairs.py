"""Blind pairs of answers."""

from training.metrics import blind_pairs
from training.metrics.blind_pairs import AnswerPair


def answer_pairs(count: int) -> list[AnswerPair]:
    return [AnswerPair((f"Ana: {n}?",), f"real {n}", f"made {n}") for n in range(count)]


def test_pairs_are_ten_blind_and_drawn_by_the_seed() -> None:
    found = blind_pairs.draw_blind_pairs(answer_pairs(40), 1)
    assert len(found) == len({pair.before for pair in found}) == 10
    assert all(pair.answers[pair.real].startswith("real") for pair in found)
    assert {pair.real for pair in found} == {0, 1}
    assert (
        found
        == blind_pairs.draw_blind_pairs(answer_pairs(40), 1)
        != blind_pairs.draw_blind_pairs(answer_pairs(40), 2)
    )


def test_two_answers_that_are_the_same_are_no_pair() -> None:
    assert blind_pairs.draw_blind_pairs([AnswerPair((), "OK!", "ok"), *answer_pairs(1)], 0)[0].before == (
        "Ana: 0?",
    )
    assert blind_pairs.draw_blind_pairs([AnswerPair((), "OK!", "ok")], 0) == ()
