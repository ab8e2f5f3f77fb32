"""Data of an evaluation: answers of the person and of another person, and prompts."""

from pathlib import Path
from random import Random

import pytest

from bot.errors import UserError
from tests.fixtures.training_messages import build, said, serving
from training.dataset.splits import TRAIN, VALIDATION
from training.evaluation.data import SHOTS, EvalData, gather_eval_data
from training.store.messages import ExportedMessage

WORDS = "fog lamp tide rope kettle gull boat storm harbour letter engine oil cat stairs winter song".split()


def dialogue(count: int, other: str = "Ana") -> list[ExportedMessage]:
    """Return questions and answers of random words, a pair every 100 minutes."""
    rng, messages = Random(4), list[ExportedMessage]()
    for number in range(count):
        asked, answer = (" ".join(rng.choices(WORDS, k=9)) for _ in range(2))
        messages.append(said(2 * number, other, f"{asked}?", time=6000.0 * number))
        messages.append(said(2 * number + 1, "Mara", f"{answer}.", time=6000.0 * number + 9))
    return messages


def gathered(
    folder: Path, messages: list[ExportedMessage], budget: int = 20_000, count: int = 200
) -> EvalData:
    build(folder, messages)
    return gather_eval_data(folder / "work", serving(), serving(budget), None, count, 0)


def test_training_answers_are_in_order_and_held_out_answers_come_after(tmp_path: Path) -> None:
    messages = dialogue(60)
    own = [each.text for each in messages if each.is_self]
    found = gathered(tmp_path, messages)
    assert list(found.learned) == own[:54]
    assert {held.text for held in found.validation} == set(own[54:])


def test_the_answers_of_the_other_author_come_once(tmp_path: Path) -> None:
    messages = dialogue(60)
    found = gathered(tmp_path, messages)
    assert found.other_name == "another author of the same chats"
    assert sorted(found.other) == sorted(each.text for each in messages if not each.is_self)


def test_invented_people_stand_in_where_no_other_author_has_enough_answers(tmp_path: Path) -> None:
    found = gathered(tmp_path, dialogue(30))
    assert found.other_name == "invented people"
    assert found.other[0].startswith("Good morning everyone.")
    assert len(found.other) >= 40
    rng = Random(1)
    chinese = [
        said(
            n,
            "Mara" if n % 2 else "Ana",
            "".join(rng.choices("灯塔雾船海风猫茶信雨", k=20)),
            time=6000.0 * n,
        )
        for n in range(60)
    ]
    found = gathered(tmp_path / "zh", chinese)
    assert found.other[0].startswith("各位同事")


def test_another_persona_is_the_other_person_where_its_work_folder_is_given(tmp_path: Path) -> None:
    build(tmp_path / "ozzo", dialogue(20, "Bo"))
    build(tmp_path, dialogue(30))
    found = gather_eval_data(tmp_path / "work", serving(), serving(9000), tmp_path / "ozzo" / "work", 9, 0)
    assert found.other_name == "the persona ozzo"
    assert len(found.other) == 18


def test_few_shot_examples_precede_the_same_messages(tmp_path: Path) -> None:
    found = gathered(tmp_path, dialogue(60))
    tokenizer = serving().reader.tokenizer
    assert found.shots == SHOTS
    for held in found.validation:
        plain, shown = (tokenizer.decode(list(each.ids)) for each in (held.prompt, held.with_shots))
        read = [span.source for span in held.with_shots.spans if span.source]
        assert read[: 2 * SHOTS] == [id for n in range(SHOTS) for id in (f"before shot {n}", f"shot {n}")]
        assert read[2 * SHOTS :] == [span.source for span in held.prompt.spans if span.source]
        assert held.before[-1] in plain
        assert held.before[-1] in shown
        assert held.text not in plain + shown


def test_only_fitting_few_shot_examples_are_counted(tmp_path: Path) -> None:
    build(tmp_path, dialogue(60), serving(600))
    found = gather_eval_data(tmp_path / "work", serving(600), serving(2000), None, 200, 0)
    assert 0 < found.shots < SHOTS
    assert all(len(held.with_shots.ids) <= 2000 for held in found.validation)


def test_the_seed_draws_at_most_count_examples(tmp_path: Path) -> None:
    few = gathered(tmp_path, dialogue(60), count=3)
    assert len(few.validation) == 3
    work = tmp_path / "work"
    assert gather_eval_data(work, serving(), serving(9000), None, 6, 0).validation[:3] == few.validation
    assert gather_eval_data(work, serving(), serving(9000), None, 6, 1).validation[:3] != few.validation


def test_without_held_out_examples_there_is_an_error(tmp_path: Path) -> None:
    build(tmp_path, dialogue(20))
    (tmp_path / "work" / VALIDATION).write_text("")
    with pytest.raises(UserError, match=r"Nothing is held out in .* import more, and build the data again"):
        gather_eval_data(tmp_path / "work", serving(), serving(), None, 9, 0)
    (tmp_path / "work" / TRAIN).unlink()
    with pytest.raises(UserError, match="build"):
        gather_eval_data(tmp_path / "work", serving(), serving(), None, 9, 0)
