"""Example dialogues as authors write them: the character's words are the assistant's, never the user's."""

import pytest

from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.prompt.builder import PromptFormat, build_prompt
from bot.prompt.chat_template import open_chat_template
from bot.prompt.renderer import OPENING
from tests.fakes.model import CHATML, ByteTokenizer

TOKENIZER = ByteTokenizer()
OPENED = ("user", OPENING.parts[0].text)


def example_turns(text: str, user: str = "Ana", **fields: str) -> list[tuple[str, str]]:
    """The turns before the history, as the model reads them."""
    names = {"name": "Mara Quill", "nickname": "Mara", **fields}
    persona = Persona("mara", Card(**names, mes_example=text), names=("keeper",))
    reader = PromptFormat(TOKENIZER, open_chat_template(CHATML, TOKENIZER.special, persona.name), 10**5)
    said = Message(Place("test", "bot", "room"), "1", Author("ana", user), "END", 0.0)
    spelt = TOKENIZER.spell(build_prompt(persona, [said], reader).ids)
    turns = [turn.partition("<|im_end|>")[0].partition("\n") for turn in spelt.split("<|im_start|>")[1:]]
    found = [(role, words) for role, _, words in turns[:-1]]
    role, words = found.pop()
    before = words.removesuffix(f"{user}: END").removesuffix("\n")
    return [*found, *([(role, before)] if before else [])]


DIALOGUE = [("user", "Ana: yo"), ("assistant", "hi"), OPENED]


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        (
            "<START>\nHello, I am the keeper.\nI trim lamps.",
            [("assistant", "Hello, I am the keeper.\nI trim lamps."), OPENED],
        ),
        ("<START>\n  {{char}}: hi", [("assistant", "hi"), OPENED]),
        ("Mara Quill: hi\n{{user}}: yo", [("assistant", "hi"), ("user", f"Ana: yo\n{OPENED[1]}")]),
        (
            "{{user}}: q\n{{char}}: a\nJackson: what?",
            [("user", "Ana: q"), ("assistant", "a"), ("user", f"Jackson: what?\n{OPENED[1]}")],
        ),
    ],
    ids=["no speaker", "indented", "full name", "a third speaker"],
)
def test_the_characters_words_are_the_assistants(text: str, turns: list[tuple[str, str]]) -> None:
    """SillyTavern/SillyTavern#1979, #1881"""
    assert example_turns(text) == turns


@pytest.mark.parametrize(
    "text",
    [
        "{{user}}: yo\n{{char}}: hi",
        "\t{{user}}: yo\n\t{{char}}: hi",
        "  {{User}} :yo\n  {{ CHAR }}:   hi",
        "<USER>: yo\n<BOT>: hi",
        "You: yo\nMara: hi",
        "User: yo\nChar: hi",
        "{{user}}: yo\nMARA QUILL: hi",
        "{{user}}: yo\nKeeper: hi",
        "{{user}}：yo\nMara：hi",
        "**{{user}}:** yo\n**{{char}}:** hi",
        "**{{user}}**: yo\n_{{char}}_: hi",
        "[{{user}}]: yo\n[{{char}}]: hi",
        "> {{user}}: yo\n> {{char}}: hi",
        "{{user}}: yo\n{{char}} (smiling): hi",
        "{{user}}: yo\n\n{{char}}:\nhi\n\n",
        "{{user}}: yo\r\n{{char}}: hi\r\n",
        "<start>{{user}}: yo\n{{char}}: hi",
        "< START >\n{{user}}: yo\n{{char}}: hi\nEND_OF_DIALOG\n",
        "{{user}}: yo\n{{user}}:\n{{char}}: hi",
    ],
)
def test_a_label_may_be_dressed_and_written_in_any_way(text: str) -> None:
    found = example_turns(text)
    assert [(role, words.removesuffix("\nAna:")) for role, words in found] == DIALOGUE


@pytest.mark.parametrize(
    "speech",
    [
        "Note: the lamp is lit.",
        "I know three things. First: oil.\nSecond: wicks.",
        "She said this: no.",
        "Look at https://example.org: nice.",
        "Https://example.org is old.",
        "At 10:30 we eat.",
        "he whispers: come",
        "*Mara smiles: gladly*",
        "Species: gull\nAge: 4",
        "PS: bring oil",
        "注意：灯亮着",
        '"Jack: run!" she yells',
        "Chapter 12:3 has it",
    ],
)
def test_a_colon_in_a_speech_begins_no_turn(speech: str) -> None:
    assert example_turns(f"{{{{user}}}}: q\n{{{{char}}}}: Well.\n{speech}") == [
        ("user", "Ana: q"),
        ("assistant", f"Well.\n{speech}"),
        OPENED,
    ]


def test_only_the_indentation_that_all_lines_share_goes() -> None:
    block = "  {{user}}: q\n  {{char}}: def f():\n      return 1"
    assert example_turns(block)[1] == ("assistant", "def f():\n    return 1")


@pytest.mark.parametrize(
    "label", ["Jackson", "Old Man Jenkins", "Guest", "Duke of York", "小满", "GUARD", "R2-D2", "Ozzo"]
)
def test_a_third_speaker_is_a_user_with_a_label(label: str) -> None:
    assert example_turns(f"{label}: what?\n{{{{char}}}}: that.") == [
        ("user", f"{label}: what?"),
        ("assistant", "that."),
        OPENED,
    ]


def test_lines_before_the_first_speaker_belong_to_it() -> None:
    assert example_turns("*The door opens.*\n{{char}}: Sit.") == [
        ("assistant", "*The door opens.*\nSit."),
        OPENED,
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("林小满", "小满"),
        ("林小满", "林小满"),
        ("[Mara]", "Mara"),
        ("Mara (v2)", "Mara"),
        ("Dr. Mara Quill", "Dr. Mara Quill"),
        ("Dr. Mara Quill", "Mara"),
    ],
)
def test_the_part_of_a_name_that_calls_a_person_is_the_character(name: str, label: str) -> None:
    assert example_turns(f"{label}: hi", name=name, nickname="") == [("assistant", "hi"), OPENED]


def test_the_first_word_of_the_name_is_the_character_unless_the_user_has_it() -> None:
    fields = {"nickname": ""}
    assert example_turns("Mara: hi", **fields) == [("assistant", "hi"), OPENED]
    assert example_turns("{{user}}: yo\n{{char}}: hi", user="Mara", **fields) == [
        ("user", "Mara: yo"),
        ("assistant", "hi"),
        OPENED,
    ]


@pytest.mark.parametrize("user", ["_ann_", "Ann (2)", "[x]", "用户", "-", "N: M"])
def test_a_user_of_any_name_is_the_user(user: str) -> None:
    turns = example_turns("{{user}}: yo\n{{char}}: hi", user=user)
    assert [role for role, _ in turns] == ["user", "assistant", "user"]
    assert turns[1] == ("assistant", "hi")


def test_blocks_of_the_character_alone_do_not_run_together() -> None:
    assert example_turns("<START>\n{{char}}: one\n<START>\n{{char}}: two") == [
        ("assistant", "one"),
        OPENED,
        ("assistant", "two"),
        OPENED,
    ]


def test_a_name_with_a_colon_is_found_whole() -> None:
    assert example_turns("Mara: the Keeper: hi", name="Mara: the Keeper", nickname="") == [
        ("assistant", "hi"),
        OPENED,
    ]
