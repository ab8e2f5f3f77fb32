"""A data set's system text stands in place of the card in the prompts of its dialogue, and nowhere else."""

from pathlib import Path

from bot.persona.card import Card
from bot.persona.persona import Persona
from tests.fakes.model import ByteTokenizer
from tests.fixtures.training_messages import build, built_examples, read_split, said, serving
from training.dataset.excerpt_builder import TOO_LONG
from training.store.messages import ExportedMessage

RICH = Persona(
    "mara",
    Card(
        name="Mara",
        description="Keeps a light.",
        mes_example="<START>\n{{user}}: hi\n{{char}}: hm",
        post_history_instructions="Be short.",
    ),
)


def turn(number: int, name: str, text: str, **more: object) -> ExportedMessage:
    return said(number, name, text, **{"time": 0.0, "chat": "a", **more})


def prompts(folder: Path) -> list[str]:
    spell = ByteTokenizer().spell
    return [spell(each.prompt.ids) for each in built_examples(folder, serving(persona=RICH))]


def test_it_stands_where_the_card_stood_with_every_brace(tmp_path: Path) -> None:
    text = "You are {{char}} of {{user}}."
    talk = [turn(0, "set", text, kind="system"), turn(1, "Ana", "hi"), turn(2, "Mara", "hello")]
    built = build(tmp_path, talk, serving(persona=RICH))
    assert built.left_out == {}
    assert prompts(tmp_path) == [
        f"<|im_start|>system\n{text}<|im_end|>\n<|im_start|>user\nAna: hi<|im_end|>\n<|im_start|>assistant\n"
    ]


def test_other_dialogues_have_the_card(tmp_path: Path) -> None:
    talk = [
        turn(0, "set", "You hum.", kind="system"),
        turn(1, "Ana", "hi"),
        turn(2, "Mara", "hello"),
        turn(3, "Ana", "hi", chat="b"),
        turn(4, "Mara", "hello", chat="b"),
    ]
    build(tmp_path, talk, serving(persona=RICH))
    assert ["You hum." in prompt for prompt in prompts(tmp_path)] == [True, False]
    assert ["Keeps a light." in prompt for prompt in prompts(tmp_path)] == [False, True]


def test_a_post_under_it_has_no_card_either(tmp_path: Path) -> None:
    talk = [
        turn(0, "set", "You hum.", kind="system", chat_kind="timeline"),
        turn(1, "Mara", "hm", chat_kind="timeline"),
    ]
    build(tmp_path, talk, serving(persona=RICH))
    assert prompts(tmp_path) == ["<|im_start|>system\nYou hum.<|im_end|>\n<|im_start|>assistant\n"]


def test_a_later_one_is_counted_and_one_that_is_too_long_leaves_its_answers_out(tmp_path: Path) -> None:
    talk = [
        turn(0, "set", "You hum.", kind="system"),
        turn(1, "Ana", "hi"),
        turn(2, "Mara", "hello"),
        turn(3, "set", "Now sing.", kind="system"),
        turn(0, "set", "x" * 5000, kind="system", chat="b"),
        turn(1, "Ana", "hi", chat="b"),
        turn(2, "Mara", "hello", chat="b"),
        turn(0, "set", "x" * 5000, kind="system", chat="c", chat_kind="timeline"),
        turn(1, "Mara", "a post", chat="c", chat_kind="timeline"),
    ]
    built = build(tmp_path, talk, serving(persona=RICH))
    assert built.left_out == {"instructions in the middle of a dialogue": 1, TOO_LONG: 2}


def test_an_excerpt_without_one_is_written_as_before(tmp_path: Path) -> None:
    build(tmp_path, [turn(1, "Ana", "hi"), turn(2, "Mara", "hello")])
    assert b"own_system" not in (tmp_path / "work/train.jsonl").read_bytes()
    assert [excerpt.own_system for excerpt in read_split(tmp_path)] == [""]
