"""What strangers write costs the bot time linear in its length, and memory within bounds."""

import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from bot.chat.triggers import TriggerContext, decide_reply
from bot.engine.core.detokenizer import Detokenizer
from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.platforms.discord.translate import strip_mentions
from bot.platforms.telegram.entities import entity_text
from bot.platforms.telegram.text import telegram_length
from bot.prompt.builder import PromptFormat, build_prompt
from bot.prompt.chat_template import open_chat_template
from bot.prompt.speaker_labels import speaker_labels
from bot.text.discord_markdown import format_for_discord
from bot.text.folding import MAX_MARKS, fold, limit_marks
from bot.text.formatted_splitting import split_formatted
from bot.text.markdown_text import parse_markdown
from bot.text.splitting import split_burst, split_message
from tests.fakes.model import CHATML, ByteTokenizer
from tests.fixtures.operations import CountedText, assert_linear

PLACE = Place("test", "bot", "room")
MARA = Persona("mara", Card(name="Mara"))
SIZES = (100, 200, 400)


def message(at: int, author: str, reply_to: int | None, text: str = "x") -> Message:
    reply = None if reply_to is None else str(reply_to)
    return Message(PLACE, str(at), Author(author, author), CountedText(text), 0.0, reply_to=reply)


HISTORIES: dict[str, Callable[[int], list[Message]]] = {
    "replies of one author to one message": lambda n: [
        message(at, "bo" if at else "ana", 0 if at else None) for at in range(n)
    ],
    "replies of many authors to one message": lambda n: [message(at, f"u{at}", 0) for at in range(n)],
    "replies to a long message": lambda n: [
        message(at, f"u{at % 2}", 0, "word " * 10 * n if not at else "x") for at in range(n)
    ],
    "replies to the message before": lambda n: [message(at, f"u{at % 2}", at - 1) for at in range(n)],
    "replies half a chat back": lambda n: [message(at, f"u{at % 3}", at - n // 2) for at in range(n)],
    "replies to two people in turn": lambda n: [message(at, "bo", at % 2) for at in range(n)],
    "replies from one half to the other": lambda n: [
        message(at, "bo" if at > n // 2 else "ana", n // 2 - at % 7) for at in range(n)
    ],
    "many people of one name": lambda n: [
        Message(PLACE, str(at), Author(str(at), "Ana"), "x", 0.0) for at in range(n)
    ],
}


@pytest.mark.parametrize("budget", [5, 10_000], ids=["truncated", "whole"])
@pytest.mark.parametrize("history", HISTORIES)
def test_a_prompt_takes_work_linear_in_its_messages(history: str, budget: int) -> None:
    template = open_chat_template(CHATML, ByteTokenizer.special, "Mara")

    def work(size: int) -> Callable[[], object]:
        reader, messages = PromptFormat(ByteTokenizer(), template, budget * size), HISTORIES[history](size)
        return lambda: build_prompt(MARA, messages, reader)

    assert_linear(work, SIZES)


def test_labels_take_work_linear_in_the_people_of_one_name() -> None:
    def work(size: int) -> Callable[[], object]:
        messages = HISTORIES["many people of one name"](size)
        return lambda: speaker_labels(messages, MARA)

    assert_linear(work, SIZES)


def normalizations(call: Callable[[], object]) -> int:
    """Return the number of texts that a call normalizes."""
    count = 0

    def on_call(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "c_call" and argument is unicodedata.normalize

    sys.setprofile(on_call)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("personas", [1, 30])
def test_a_message_is_normalized_once_for_all_personas(personas: int) -> None:
    cast = {str(number): Persona(str(number), Card(name=f"Jos\xe9 {number}")) for number in range(personas)}
    said = message(1, "ana", None, "h\xe9 there")
    decide_reply(said, cast, TriggerContext("0"))
    assert normalizations(lambda: decide_reply(said, cast, TriggerContext("0"))) == 1


@pytest.mark.parametrize("mark", ["\u0301", "\u0344", "\u0f73", "\uff9e", "\u0316\u0301", "\u3099"])
def test_no_letter_keeps_more_marks_than_somebody_could_read(mark: str) -> None:
    kept = limit_marks("a" + mark * 5_000)
    assert len(kept) == MAX_MARKS + 1
    assert fold("Mara" + mark * 5_000 + " B").endswith(" b")


def test_every_character_made_of_marks_alone_counts_as_a_mark() -> None:
    signs = map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))
    made_of_marks = [
        sign for sign in signs if unicodedata.combining(unicodedata.normalize("NFKD", sign)[0]) != 0
    ]
    assert all(len(limit_marks(sign * (MAX_MARKS + 1))) == MAX_MARKS for sign in made_of_marks)


TRIGGERS = {"names in words": "xmarax", "names": "mar mar", "marks": "a\u0301\u0316", "one letter": "m"}


@pytest.mark.parametrize("text", TRIGGERS)
def test_a_decision_takes_work_linear_in_the_message(text: str) -> None:
    def work(size: int) -> Callable[[], object]:
        said = message(1, "ana", None, TRIGGERS[text] * size)
        return lambda: decide_reply(said, {"mara": MARA}, TriggerContext("mara"))

    assert_linear(work, SIZES)


BURSTS = {
    "fences": "```\na\n```\n",
    "open fences": "```\n",
    "lines": "a\n",
    "blank lines": "\n",
    "ticks": "`\n",
    "quotes without words": "> \n",
    "tilde fences": "~~~a\n",
}


@pytest.mark.parametrize("text", BURSTS)
def test_a_burst_is_split_with_work_linear_in_its_length(text: str) -> None:
    assert_linear(lambda size: lambda: split_burst(BURSTS[text] * size), SIZES)


@pytest.mark.parametrize("text", ["\n" * 40, "\nspeaker 1", "words and words", "\nspeakers are many"])
def test_the_number_of_speakers_costs_a_token_nothing(text: str) -> None:
    def work(size: int) -> Callable[[], object]:
        stop = tuple(f"\nspeaker {number}:" for number in range(size))
        detokenizer = Detokenizer(lambda token: bytes([token]), stop)
        return lambda: [detokenizer.push(byte) for byte in text.encode()]

    assert_linear(work, (50, 500, 5_000))


MARKED = {
    "pairs": "**a** ",
    "open marks": "*a ",
    "all marks": "***_~~||",
    "nested": "**_~~||a||~~_** ",
    "ticks": "`a` ``b`` ",
    "uneven ticks": "` `` ",
    "fences": "```\na\n```\n",
    "inner fence": "a ```b ",
    "escapes": "\\*\\_",
    "blanks": "\n \n",
    "flags": "\U0001f1e9\U0001f1ea",
    "joined": "\u200d\u0301",
    "sentences": "a.\"' b! ",
    "mentions": "@abc ",
    "links": "[a](https://a.example/@abc) ",
    "open links": "[a](",
    "addresses": "https://a.example/@abc ",
    "tables": "| a | b |\n|---|---|\n| c |\n",
    "quotes": "> a\n> > b\n",
    "headings": "# a\n",
    "quotes without words": "> \n",
    "deep quotes without words": "> > \n",
    "tilde fences": "~~~a\n",
    "tilde fences in quotes": "> ~~~a\n",
    "fences behind code": "`a` ```b\n",
    "begun tables": "| \n",
}


@pytest.mark.parametrize("measure", [len, telegram_length])
@pytest.mark.parametrize("text", MARKED)
def test_a_reply_is_split_with_work_linear_in_its_length(text: str, measure: Callable[[str], int]) -> None:
    assert_linear(lambda size: lambda: split_message(MARKED[text] * 4 * size, 200, measure), SIZES)


@pytest.mark.parametrize("sizes", [(50, 100, 200), pytest.param(SIZES, marks=pytest.mark.slow)], ids=str)
@pytest.mark.parametrize("is_growing", [False, True], ids=["whole", "growing"])
@pytest.mark.parametrize("text", MARKED)
def test_a_reply_is_formatted_with_work_linear_in_its_length(
    text: str, is_growing: bool, sizes: tuple[int, ...]
) -> None:
    def formatted(size: int) -> Callable[[], object]:
        source = MARKED[text] * 4 * size

        def run() -> None:
            format_for_discord(source, is_growing=is_growing)
            for part in split_formatted(parse_markdown(source, is_growing=is_growing), 200, telegram_length):
                assert entity_text(part).entities is not None

        return run

    assert_linear(formatted, sizes)


ME = ("<@1>", "<@!1>", "<@&2>")


@pytest.mark.parametrize("text", ["<@1>", "<@1>, ", " <@!1>\u3000", "x<@1>", "<@1>x", "<@1 "])
def test_mentions_at_the_ends_are_dropped_with_work_linear_in_them(text: str) -> None:
    assert_linear(
        lambda size: lambda: strip_mentions(CountedText(text * size + "hi" + text * size), ME), SIZES
    )


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("<@1>, hi", "hi"),
        (" <@1><@!1>: hi <@&2> <@1>\n", "hi"),
        ("hi <@1> there", "hi <@1> there"),
        ("<@1> <@1>", ""),
        ("<@2> hi", "<@2> hi"),
        ("", ""),
    ],
)
def test_mentions_of_the_bot_are_dropped_at_both_ends_alone(text: str, stripped: str) -> None:
    assert strip_mentions(text, ME) == stripped
