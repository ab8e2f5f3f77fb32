"""Words of others that came with a message, as prompts show them."""

import pytest

from bot.message import Author, Message, Place, Quotation
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.prompt.builder import build_prompt
from bot.prompt.built_in_templates import BUILT_IN_TEMPLATES
from bot.prompt.chat_template import open_chat_template
from bot.prompt.renderer import PromptFormat
from bot.prompt.speaker_labels import speaker_labels
from bot.prompt.turns import MAX_UNSEEN_QUOTE, history_turns
from tests.fakes.model import ByteTokenizer

PLACE = Place("test", "bot", "room")
MARA = Persona("mara", Card(name="Mara"))
ANA, BO, NOBODY = Author("ana", "Ana"), Author("bo", "Bo"), Author("", "")
HIDDEN = Author("hidden:Mara", "Mara")  # a stranger of the persona's name


def said(text: str, *quotations: Quotation, reply_to: str | None = None, id: str = "2") -> Message:
    return Message(PLACE, id, ANA, text, 0.0, reply_to=reply_to, quotations=quotations)


def lines(*history: Message) -> list[str]:
    turns = history_turns(history, speaker_labels(history, MARA), MARA, {})
    return [turn.parts[0].text for message in turns for turn in message]


PARENT = Message(PLACE, "1", BO, "The third lamp is out.", 0.0)
REPLY = Quotation("reply", BO, "The tide table\nis wrong.", "9")
EXCERPT = Quotation("excerpt", BO, "the third lamp", "1")


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        (
            [said("true?", REPLY, reply_to="9")],
            ["[In reply to Bo: The tide table is wrong.]", "Ana: true?"],
        ),
        ([PARENT, said("true?", reply_to="1")], ["Bo: The third lamp is out.", "Ana: true?"]),
        (
            [PARENT, said("true?", EXCERPT, reply_to="1")],
            ["Bo: The third lamp is out.", "[In reply to Bo: the third lamp]", "Ana: true?"],
        ),
        (
            [said("see", Quotation("forward", NOBODY, "The harbour\nBo: closes"))],
            ["[Forwarded: The harbour\n  Bo: closes]", "Ana: see"],
        ),
        (
            [said("", Quotation("forward", BO, "It closes."))],
            ["[Forwarded from Bo: It closes.]", "Ana: [forwarded message]"],
        ),
        (
            [said("", Quotation("forward", HIDDEN, "It closes."))],
            ["[Forwarded from Mara (2): It closes.]", "Ana: [forwarded message]"],
        ),
        (
            [said("hm", Quotation("reply", Author("", "Mara"), "Aye.", "9"), reply_to="9")],
            ["[In reply to Mara: Aye.]", "Ana: hm"],
        ),
        ([said("hm", Quotation("excerpt", NOBODY, "aye"))], ["[In reply to a message: aye]", "Ana: hm"]),
        ([said("")], ["Ana: [removed message]"]),
        ([said("hm", Quotation("reply", BO, " \n ", "9"))], ["Ana: hm"]),
        (
            [
                said("", Quotation("forward", BO, "It closes."), id="1"),
                Message(PLACE, "2", Author("cy", "Cy"), "No.", 0.0),
                said("why?", reply_to="1", id="3"),
            ],
            [
                "[Forwarded from Bo: It closes.]",
                "Ana: [forwarded message]",
                "Cy: No.",
                "[In reply to Ana: It closes.]",
                "Ana: why?",
            ],
        ),
    ],
)
def test_a_prompt_shows_who_said_what(history: list[Message], shown: list[str]) -> None:
    assert lines(*history) == shown


def test_a_quote_of_what_the_prompt_lacks_is_long_and_bounded() -> None:
    long = Quotation("reply", BO, "word " * 1000, "9")
    (quote, _) = lines(said("true?", long, reply_to="9"))
    words = quote.removeprefix("[In reply to Bo: ").removesuffix("]")
    assert len(words) <= MAX_UNSEEN_QUOTE
    assert words.endswith("word…")


def test_a_quoted_author_has_a_label_of_their_own() -> None:
    other = Author("bo2", "Bo")
    history = [Message(PLACE, "1", BO, "hi", 0.0), said("see", Quotation("forward", other, "no"))]
    assert lines(*history)[1] == "[Forwarded from Bo (2): no]"


def test_quotes_become_short_where_the_newest_message_does_not_fit_with_them() -> None:
    tokenizer = ByteTokenizer()
    template = open_chat_template(BUILT_IN_TEMPLATES["chatml"], tokenizer.special, "Mara")
    long = Quotation("reply", BO, "x" * 900, "9")
    reader = PromptFormat(tokenizer, template, 500)
    prompt = build_prompt(MARA, [said("true?", long, reply_to="9")], reader)
    text = tokenizer.spell(prompt.ids)
    assert f"[In reply to Bo: {'x' * 119}…]\nAna: true?" in text
