"""What an evaluation is made of: whose words, in which prompts."""

from pathlib import Path
from random import Random

import pytest

from bot.errors import UserError
from tests.fixtures.training_messages import build, said, serving
from training.dataset.splits import TRAIN, VALIDATION
from training.evaluation.data import SHOTS, EvalData, gather_eval_data
from training.store.messages import ExportedMessage

WORDS = "fog lamp tide rope kettle gull boat storm harbour letter engine oil cat stairs winter song".split()


def talk(count: int, other: str = "Ana") -> list[ExportedMessage]:
    """A question and an answer an hour and a half apart from the next, each of words drawn anew."""
    dice, messages = Random(4), list[ExportedMessage]()
    for number in range(count):
        asked, answer = (" ".join(dice.choices(WORDS, k=9)) for _ in range(2))
        messages.append(said(2 * number, other, f"{asked}?", time=6000.0 * number))
        messages.append(said(2 * number + 1, "Mara", f"{answer}.", time=6000.0 * number + 9))
    return messages


def gathered(
    folder: Path, messages: list[ExportedMessage], budget: int = 20_000, count: int = 200
) -> EvalData:
    build(folder, messages)
    return gather_eval_data(folder / "work", serving(), serving(budget), None, count, 0)


def test_words_are_the_persons_in_order_and_what_is_held_out_comes_after(tmp_path: Path) -> None:
    messages = talk(60)
    own = [each.text for each in messages if each.is_self]
    found = gathered(tmp_path, messages)
    assert list(found.learned) == own[:54]
    assert {held.text for held in found.held} == set(own[54:])


def test_the_words_of_the_other_are_said_once(tmp_path: Path) -> None:
    messages = talk(60)
    found = gathered(tmp_path, messages)
    assert found.whose == "another author of the same chats"
    assert sorted(found.other) == sorted(each.text for each in messages if not each.is_self)


def test_invented_people_stand_in_where_nobody_else_says_enough(tmp_path: Path) -> None:
    found = gathered(tmp_path, talk(30))
    assert found.whose == "invented people"
    assert found.other[0].startswith("Good morning everyone.")
    assert len(found.other) >= 40
    dice = Random(1)
    chinese = [
        said(
            n,
            "Mara" if n % 2 else "Ana",
            "".join(dice.choices("灯塔雾船海风猫茶信雨", k=20)),
            time=6000.0 * n,
        )
        for n in range(60)
    ]
    found = gathered(tmp_path / "zh", chinese)
    assert found.other[0].startswith("各位同事")


def test_another_persona_is_whom_one_asks_for(tmp_path: Path) -> None:
    build(tmp_path / "ozzo", talk(20, "Bo"))
    build(tmp_path, talk(30))
    found = gather_eval_data(tmp_path / "work", serving(), serving(9000), tmp_path / "ozzo" / "work", 9, 0)
    assert found.whose == "the persona ozzo"
    assert len(found.other) == 18


def test_examples_stand_in_the_prompt_as_a_conversation_before_the_same_words(tmp_path: Path) -> None:
    found = gathered(tmp_path, talk(60))
    tokenizer = serving().reader.tokenizer
    assert found.shots == SHOTS
    for held in found.held:
        plain, shown = (tokenizer.decode(list(each.ids)) for each in (held.prompt, held.with_shots))
        read = [span.source for span in held.with_shots.spans if span.source]
        assert read[: 2 * SHOTS] == [id for n in range(SHOTS) for id in (f"before shot {n}", f"shot {n}")]
        assert read[2 * SHOTS :] == [span.source for span in held.prompt.spans if span.source]
        assert held.before[-1] in plain
        assert held.before[-1] in shown
        assert held.text not in plain + shown


def test_where_there_is_no_room_fewer_examples_are_shown_and_counted(tmp_path: Path) -> None:
    build(tmp_path, talk(60), serving(600))
    found = gather_eval_data(tmp_path / "work", serving(600), serving(2000), None, 200, 0)
    assert 0 < found.shots < SHOTS
    assert all(len(held.with_shots.ids) <= 2000 for held in found.held)


def test_no_more_is_taken_than_is_wanted_and_the_seed_draws_it(tmp_path: Path) -> None:
    few = gathered(tmp_path, talk(60), count=3)
    assert len(few.held) == 3
    work = tmp_path / "work"
    assert gather_eval_data(work, serving(), serving(9000), None, 6, 0).held[:3] == few.held
    assert gather_eval_data(work, serving(), serving(9000), None, 6, 1).held[:3] != few.held


def test_without_anything_held_out_there_is_nothing_to_measure(tmp_path: Path) -> None:
    build(tmp_path, talk(20))
    (tmp_path / "work" / VALIDATION).write_text("")
    with pytest.raises(UserError, match=r"Nothing is held out in .* import more, and build the data again"):
        gather_eval_data(tmp_path / "work", serving(), serving(), None, 9, 0)
    (tmp_path / "work" / TRAIN).unlink()
    with pytest.raises(UserError, match="build"):
        gather_eval_data(tmp_path / "work", serving(), serving(), None, 9, 0)
