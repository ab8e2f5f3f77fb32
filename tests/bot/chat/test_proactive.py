"""Replies that no message asks for: greetings, and another reply."""

import re

import pytest

from bot.chat.proactive import greet, post, regenerate
from bot.errors import UserError
from bot.message import Author
from bot.persona.card import Card
from bot.persona.persona import Persona
from tests.conftest import MARA, PLACE, Stage

ANA = Author("ana", "Ana")


async def test_a_greeting_is_sent_once_with_its_macros_expanded(stage: Stage) -> None:
    for _ in range(2):
        await greet(stage.chat, stage.memory, PLACE, Author("ana", "Ana: the {{char}}"))
    assert stage.outlet.sent == [("mara", "Sit, Ana the {{char}}.")]


async def test_regenerating_replaces_the_last_reply(stage: Stage) -> None:
    await stage.say("Rain?")
    await regenerate(stage.chat, stage.memory, PLACE, ANA)
    assert [text for _, text in stage.outlet.sent] == ["Answer 1.", "Answer 2."]
    assert await stage.history() == ["Ana: Rain?", "Mara: Answer 2."]
    assert stage.engine.prompts()[0] == stage.engine.prompts()[1]
    assert stage.engine.requests[0].seed != stage.engine.requests[1].seed


async def test_regenerating_a_greeting_sends_the_next_one(stage: Stage) -> None:
    await greet(stage.chat, stage.memory, PLACE, ANA)
    for _ in range(2):
        await regenerate(stage.chat, stage.memory, PLACE, ANA)
    assert [text for _, text in stage.outlet.sent] == ["Sit, Ana.", "Door's open, Ana.", "Sit, Ana."]
    assert await stage.history() == ["Mara: Sit, Ana."]


@pytest.mark.parametrize("text", ["", " \n", "\u200b\u3164"])
async def test_posting_a_text_that_shows_nothing_lets_the_persona_write(stage: Stage, text: str) -> None:
    await post(stage.chat, stage.memory, PLACE, text)
    assert stage.outlet.sent == [("mara", "Answer 1.")]


async def test_a_given_text_that_shows_nothing_is_not_sent(stage: Stage) -> None:
    await stage.chat.say(PLACE, MARA, "\u200b", {"rule": "greeting"})
    assert (stage.outlet.sent, await stage.history()) == ([], [])


async def test_a_failed_regeneration_becomes_a_notice_and_the_old_reply_stays(stage: Stage) -> None:
    await stage.say("Rain?")
    stage.engine.script.append(UserError("No memory left."))
    await regenerate(stage.chat, stage.memory, PLACE, ANA)
    assert stage.outlet.sent[-1] == (None, "No memory left.")
    assert await stage.history() == ["Ana: Rain?", "Mara: Answer 1."]


GREETINGS = (
    "It is {{time}}. {{random::Sit::Stand}}. You rolled {{roll:1d6}}.{{newline}}{{unknown::x}}",
    "{{// nothing but a remark }}",
    "{{pick: red , blue }} day, {{user}}",
)


async def test_a_greeting_of_another_dialect_has_no_braces_and_the_next_one_follows(stage: Stage) -> None:
    """LostRuins/lite.koboldai.net#118"""
    card = Card(name="Mara", first_mes=GREETINGS[0], alternate_greetings=GREETINGS[1:])
    stage.cast.personas["mara"] = Persona("mara", card)
    await greet(stage.chat, stage.memory, PLACE, ANA)
    for _ in range(2):
        await regenerate(stage.chat, stage.memory, PLACE, ANA)
    first, second, third = (text for _, text in stage.outlet.sent)
    assert re.fullmatch(r"It is [0-2]\d:[0-5]\d\. (Sit|Stand)\. You rolled [1-6]\.", first)
    assert second in ("red day, Ana", "blue day, Ana")
    assert third == first
