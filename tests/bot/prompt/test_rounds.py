"""Limits of the history that a persona sets: rounds and tokens, with whole prompts compared."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.history_limits import HistoryLimits
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, PromptFormat, build_prompt
from bot.prompt.chat_template import open_chat_template
from bot.prompt.rounds import newest_rounds
from tests.fakes.model import CHATML, ByteTokenizer

TOKENIZER = ByteTokenizer()
EXAMPLES = "<START>\n{{user}}: hi\n{{char}}: aye"
MARA = Persona("mara", Card(name="Mara", description="Keeps a light."))


def reader(budget: int = 4000) -> PromptFormat:
    return PromptFormat(TOKENIZER, open_chat_template(CHATML, TOKENIZER.special, "Mara"), budget)


def said(number: int, name: str, reply_to: str | None = None) -> Message:
    own = "mara" if name == "Mara" else None
    author = Author(own or name, name)
    place = Place("test", "bot", "room")
    return Message(place, str(number), author, f"{name} {number}", 0.0, reply_to=reply_to, persona=own)


def talk(speakers: str) -> list[Message]:
    """Return messages by speakers' initials: M is the persona, O another one."""
    names = {"M": "Mara", "A": "Ana", "B": "Bo", "O": "Ozzo"}
    return [said(number, names[letter]) for number, letter in enumerate(speakers)]


def kept(persona: Persona, history: list[Message], **more: object) -> str:
    """Return the initials of the messages that a prompt shows."""
    prompt = build_prompt(persona, history, reader(), **more)  # type: ignore[arg-type]
    return shown(prompt, history)


def shown(prompt: Prompt, history: list[Message]) -> str:
    sources = {span.source for span in prompt.spans if span.kind == "message"}
    return "".join(message.author.name[0] for message in history if message.id in sources)


def limited(**limits: int) -> Persona:
    return replace(MARA, history=HistoryLimits(**limits))


@pytest.mark.parametrize(
    ("speakers", "rounds", "expected"),
    [
        ("AMAMAMA", None, "AMAMAMA"),
        ("AMAMAMA", 0, "A"),
        ("AMAMAMA", 1, "AMA"),
        ("AMAMAMA", 2, "AMAMA"),
        ("AMAMAMA", 3, "AMAMAMA"),
        ("AMAMAMA", 1000, "AMAMAMA"),
        ("AABMMABMA", 1, "ABMA"),  # bursts of several people, and answers of several messages
        ("AABMMABMA", 0, "A"),
        ("MAMA", 1, "AMA"),
        ("MAMA", 2, "MAMA"),  # a greeting is a round
        ("AMAM", 0, "AM"),  # /continue: the round that goes on
        ("AOAOA", 0, "AOAOA"),  # another persona's words are those of anybody
        ("M", 0, "M"),
        ("", 0, ""),
    ],
)
def test_a_persona_reads_the_newest_rounds(speakers: str, rounds: int | None, expected: str) -> None:
    history = talk(speakers)
    found = newest_rounds(history, rounds, "mara")
    assert "".join(message.author.name[0] for message in found) == expected
    assert found == history[len(history) - len(found) :]


@given(st.text("MAB", max_size=40), st.integers(0, 12))
def test_one_more_round_never_shows_less(speakers: str, rounds: int) -> None:
    history = talk(speakers)
    fewer, more = (newest_rounds(history, number, "mara") for number in (rounds, rounds + 1))
    assert len(fewer) <= len(more) <= len(history)
    assert newest_rounds(fewer, rounds, "mara") == fewer


def test_the_prompt_has_the_rounds_and_nothing_before_them() -> None:
    prompt = build_prompt(limited(rounds=1), talk("AMAMA"), reader(), system_prompt="Play.")
    assert TOKENIZER.spell(prompt.ids) == (
        "<|im_start|>system\nPlay.\n\nKeeps a light.<|im_end|>\n<|im_start|>user\nAna: Ana 2<|im_end|>\n"
        "<|im_start|>assistant\nMara 3<|im_end|>\n<|im_start|>user\nAna: Ana 4<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert (prompt.first, prompt.read) == (None, "4")  # the window of memory stays: limits may be lifted


def test_a_reply_to_an_earlier_round_quotes_it() -> None:
    history = [*talk("AMAM"), said(4, "Ana", reply_to="1")]
    prompt = build_prompt(limited(rounds=0), history, reader())
    assert "[In reply to Mara: Mara 1]\nAna: Ana 4" in TOKENIZER.spell(prompt.ids)


def test_a_persona_reads_as_many_tokens_as_it_may_and_always_the_newest_message() -> None:
    history = talk("AMAMAMAM" + "A")
    assert kept(MARA, history) == "AMAMAMAMA"
    assert kept(limited(tokens=1), history) == "A"
    sizes = [len(kept(limited(tokens=tokens), history)) for tokens in range(0 + 1, 600, 20)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 9


def test_examples_stay_where_the_personas_own_limit_cuts_the_history() -> None:
    card = MARA.card.model_copy(update={"mes_example": EXAMPLES})
    persona = replace(limited(tokens=100), card=card)
    history = talk("AMAMAMAM" + "A")
    for is_cut in (False, True):
        prompt = build_prompt(persona, history, reader(), cut=is_cut)
        assert "aye" in TOKENIZER.spell(prompt.ids)
        assert len(shown(prompt, history)) < 9
    assert "aye" not in TOKENIZER.spell(
        build_prompt(replace(MARA, card=card), history, reader(), cut=True).ids
    )


def test_the_budget_holds_beside_a_limit_that_is_larger() -> None:
    history = talk("AM" * 40 + "A")
    prompt = build_prompt(limited(tokens=100_000), history, reader(500))
    assert len(prompt.ids) <= 500
    assert prompt.first is not None
