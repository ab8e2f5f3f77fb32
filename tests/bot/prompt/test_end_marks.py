"""Marks that end a turn, written as plain letters, end the answer unless somebody asked for them."""

import pytest

from bot.message import Author, Message, Place
from bot.prompt.builder import PromptFormat, build_prompt
from bot.prompt.chat_template import open_chat_template
from bot.prompt.end_marks import spelt_ends
from tests.conftest import MARA
from tests.fakes.model import ByteTokenizer
from tests.fakes.templates import DATED, GEMMA, LLAMA2, MISTRAL, QWEN

TOKENIZER = ByteTokenizer()


def reader(source: str) -> PromptFormat:
    return PromptFormat(TOKENIZER, open_chat_template(source, TOKENIZER.special, "Mara"), 4000)


def said(number: int, text: str) -> Message:
    return Message(Place("test", "bot", "room"), str(number), Author("ana", "Ana"), text, 0.0)


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        ("chatml", ("<|im_end|>",)),
        ("plain", ("<|im_end|>",)),
        (QWEN, ("<|im_end|>",)),
        (DATED, ("<|im_end|>",)),
        (LLAMA2, ("<|im_end|>",)),
        (MISTRAL, ("<|im_end|>",)),
        (GEMMA, ("<|im_end|>", "<end_of_turn>")),
    ],
    ids=["chatml", "plain", "qwen", "dated", "llama2", "mistral", "gemma"],
)
def test_the_marks_are_those_of_template_and_tokenizer(source: str, ends: tuple[str, ...]) -> None:
    assert spelt_ends(reader(source)) == ends


@pytest.mark.parametrize(
    ("texts", "ends"),
    [
        (["hi"], ("<|im_end|>",)),
        (["what does <|im_end|> mean?"], ()),
        (["what does <|im_end|> mean?", "and why?"], ()),
        (["what does <|im_end|> mean?", *"abcdef"], ("<|im_end|>",)),
        (["what does </s> mean?"], ("<|im_end|>",)),
    ],
)
def test_a_mark_that_somebody_asked_for_is_text(texts: list[str], ends: tuple[str, ...]) -> None:
    history = [said(number, text) for number, text in enumerate(texts)]
    assert build_prompt(MARA, history, reader("chatml")).spelt_ends == ends


def test_the_penalty_spares_the_templates_own_ids_26902() -> None:
    prompt = build_prompt(MARA, [said(1, "zzz")], reader("chatml"))
    assert {256, 257, *b"user\n"} <= prompt.spared
    assert ord("z") not in prompt.spared
