"""General questions, and their answers before and after training."""

import pytest

from training.metrics import retention
from training.metrics.retention import Question, compare_retention, read_questions


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


def test_lost_and_gained_questions_are_listed() -> None:
    asked = [Question(name, (name,)) for name in "abcd"]
    found = compare_retention(asked, ["a", "b", "x", "x"], ["a", "x", "c", "x"], 0)
    assert (found.base.value, found.adapter.value, found.change.value) == (0.5, 0.5, 0.0)
    assert (found.lost, found.gained, found.questions) == (("b",), ("c",), 4)
    assert retention.ASSISTANT.card.description == ""
