"""Errors while a reply is made: each becomes a notice, and the place goes on."""

import logging

import pytest

from bot.errors import RestartNeeded, UserError
from bot.persona.card import Card
from bot.persona.persona import Persona
from tests.conftest import PLACE, Stage


async def test_a_user_error_is_sent_and_the_message_given_up(stage: Stage) -> None:
    stage.engine.script.append(UserError("Too long: shorten it."))
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, "Too long: shorten it.")]
    assert dict((await stage.memory.status()).inbox)["given_up"] == 1
    await stage.say("Again?")
    assert stage.outlet.sent[-1] == ("mara", "Answer 2.")


async def test_a_message_that_the_next_process_can_answer_is_left_to_it(stage: Stage) -> None:
    stage.engine.script.append(RestartNeeded("The graphics card stopped answering."))
    await stage.say("Rain?")
    assert stage.outlet.sent == []
    assert dict((await stage.memory.status()).inbox)["accepted"] == 1


async def test_a_bug_is_logged_without_message_text_and_the_place_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.engine.script.append(ZeroDivisionError("boom"))
    with caplog.at_level(logging.DEBUG):
        await stage.say("my private words")
    assert stage.outlet.sent == [(None, "Something went wrong here; the log says what.")]
    assert "boom" in caplog.text
    assert "my private words" not in caplog.text
    await stage.say("Again?")
    assert stage.outlet.sent[-1] == ("mara", "Answer 2.")


async def test_an_empty_reply_is_not_sent(stage: Stage) -> None:
    stage.engine.script.append("Mara:")
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, "Mara found no words; ask again.")]


async def test_a_broken_adapter_becomes_a_notice(stage: Stage) -> None:
    stage.cast.personas["mara"] = Persona("mara", Card(name="Mara"), adapter=stage.folder)
    stage.engine.refused["mara"] = UserError('The adapter "mara" was not loaded.')
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, 'The adapter "mara" was not loaded.')]


async def test_a_model_without_a_template_names_the_setting(stage: Stage) -> None:
    stage.engine._tokenizer.template = None
    await stage.say("Rain?")
    assert "has no chat template: set model.template to chatml, plain or" in stage.outlet.sent[0][1]


async def test_a_persona_that_may_write_more_than_the_context_becomes_a_notice(stage: Stage) -> None:
    stage.engine.context = 256
    await stage.say("Rain?")
    assert stage.outlet.sent[0][1].startswith("Mara may write 256 tokens, but the model reads and writes 256")


async def test_a_place_whose_persona_is_gone_says_so_and_goes_on_with_another(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "persona", "gone")
    await stage.say("Anybody?")
    assert stage.outlet.sent == [(None, "There is no persona 'gone': known are mara, ozzo.")]
    assert dict((await stage.memory.status()).inbox) == {"given_up": 1}
    await stage.memory.set_setting(str(PLACE), "persona", "ozzo")
    await stage.say("And now?")
    assert stage.outlet.sent[-1] == ("ozzo", "Answer 1.")
