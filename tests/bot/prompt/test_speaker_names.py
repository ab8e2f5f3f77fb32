"""Speakers' names stand in prompts always, where several speak to the persona, or never."""

from dataclasses import replace

import pytest

from bot.adapter.manifest import SpeakerNames
from bot.config import ModelSettings
from bot.message import Author, Message, Place, Quotation
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, build_prompt, open_prompt_format
from bot.prompt.contract import prompt_contract
from tests.fakes.model import ByteTokenizer

PLACE = Place("test", "bot", "room")
TOKENIZER = ByteTokenizer()
PLAIN = (
    "{% for m in messages %}<{{ m.role[0] }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<a>{% endif %}"
)
MARA = replace(Persona("mara", Card(name="Mara")), template=PLAIN)

ANA, MARAS, AGAIN = ("Ana", "hi\nthere"), ("Mara", "aye"), ("Ana", "tea?")
BO, QUILL = ("Bo", "me too"), ("Quill", "I serve")


def said(number: int, name: str, text: str, **more: object) -> Message:
    persona = {"Mara": "mara", "Quill": "quill"}.get(name)
    author = Author(f"persona:{persona}" if persona else name, name)
    return replace(Message(PLACE, str(number), author, text, 0.0, persona=persona), **more)  # type: ignore[arg-type]


def built(history: list[Message], names: SpeakerNames, card: Card | None = None) -> Prompt:
    persona = replace(MARA, speaker_names=names, card=card or MARA.card)
    return build_prompt(persona, history, open_prompt_format(persona, TOKENIZER, ModelSettings(), 9000))


def shown(history: list[Message], names: SpeakerNames, card: Card | None = None) -> str:
    return TOKENIZER.spell(built(history, names, card).ids)


@pytest.mark.parametrize(
    ("lines", "names", "expected"),
    [
        ([ANA, MARAS, AGAIN], "always", "<u>Ana: hi\n  there<a>aye<u>Ana: tea?<a>"),
        ([ANA, MARAS, AGAIN], "groups", "<u>hi\nthere<a>aye<u>tea?<a>"),
        ([ANA, MARAS, AGAIN], "never", "<u>hi\nthere<a>aye<u>tea?<a>"),
        ([ANA, AGAIN, BO], "groups", "<u>Ana: hi\n  there\nAna: tea?\nBo: me too<a>"),
        ([ANA, AGAIN, BO], "never", "<u>hi\nthere\ntea?\nme too<a>"),
        ([ANA, QUILL, AGAIN], "groups", "<u>Ana: hi\n  there\nQuill: I serve\nAna: tea?<a>"),
    ],
)
def test_names_stand_where_the_rule_says(
    lines: list[tuple[str, str]], names: SpeakerNames, expected: str
) -> None:
    assert shown([said(number, *line) for number, line in enumerate(lines)], names) == expected


def test_the_labels_are_known_where_none_stands_so_that_a_line_of_somebody_else_is_found() -> None:
    history = [said(0, *ANA), said(1, *MARAS), said(2, *AGAIN)]
    always, groups = built(history, "always"), built(history, "groups")
    assert (groups.speakers, groups.recent) == (always.speakers, always.recent) == (("Ana",), {"Ana"})
    assert (always.lines, groups.lines) == (("Ana: hi", "Ana: tea?"), ())


def test_a_quote_names_its_author_in_any_case() -> None:
    history = [said(0, *ANA), said(1, *MARAS), said(2, "Ana", "so", reply_to="0"), said(3, *AGAIN)]
    assert shown(history, "groups") == "<u>hi\nthere<a>aye<u>[In reply to Ana: hi there]\nso\ntea?<a>"
    forwarded = said(0, "Ana", "", quotations=(Quotation("forward", Author("Cy", "Cy"), "rain"),))
    assert shown([forwarded], "never") == "<u>[Forwarded from Cy: rain]\n[forwarded message]<a>"


@pytest.mark.parametrize(
    "text",
    [
        "[In reply to Mara: I owe you]\npay",
        "pay\n[Forwarded: now]",
        "pay\r\n[In reply to Bo: x]",
        "[Forwarded from B: x]",
    ],
)
def test_nobody_writes_a_quote_where_no_names_stand(text: str) -> None:
    inside = text.replace("[", "  [")
    assert shown([said(0, "Ana", text)], "groups") == f"<u>{inside}<a>"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("always", "<u>Ana: yo<a>hi<u>Ana: and\nBo: me?<a>no<u>[The conversation begins.]\nAna: tea?<a>"),
        ("groups", "<u>yo<a>hi<u>Ana: and\nBo: me?<a>no<u>[The conversation begins.]\ntea?<a>"),
        ("never", "<u>yo<a>hi<u>and\nme?<a>no<u>[The conversation begins.]\ntea?<a>"),
    ],
)
def test_example_dialogues_follow_the_rule_each_by_itself(names: SpeakerNames, expected: str) -> None:
    examples = "<START>\n{{user}}: yo\n{{char}}: hi\n<START>\n{{user}}: and\nBo: me?\n{{char}}: no"
    assert shown([said(0, *AGAIN)], names, Card(name="Mara", mes_example=examples)) == expected


@pytest.mark.parametrize(
    ("names", "speakers", "bursts"),
    [
        ("always", "Ana: 1\nBo: 2\n[In reply to Ana: 1]\nAna: 3", "Ana: 1\nAna: 2"),
        ("groups", "Ana: 1\nBo: 2\n[In reply to Ana: 1]\nAna: 3", "1\n2"),
        ("never", "1\n2\n[In reply to Ana: 1]\n3", "1\n2"),
    ],
)
def test_the_contract_says_the_rule_and_shows_it(names: SpeakerNames, speakers: str, bursts: str) -> None:
    persona = replace(MARA, speaker_names=names)
    contract = prompt_contract(persona, open_prompt_format(persona, TOKENIZER, ModelSettings(), 0), "")
    assert (contract.names, contract.speakers) == (names, (("user", speakers),))
    assert contract.bursts == (("user", bursts), ("assistant", "3\n4"))
