"""Commands: what people see, as they see it."""

import pytest

from bot.commands import COMMANDS, run
from bot.errors import UserError
from bot.message import Place
from bot.persona.persona import Cast
from tests.conftest import MARA, OZZO, PLACE, Stage


async def ask(stage: Stage, line: str, place: Place = PLACE) -> str:
    return await run(line, stage.chat, place, "Ana")


async def test_help_lists_every_command(stage: Stage) -> None:
    assert await ask(stage, "/help") == (
        "/help              this list\n"
        "/persona [name]    who speaks here, or let another one speak\n"
        "/personas          everybody there is\n"
        "/reset             begin the conversation anew\n"
        "/why               why the last message was answered, and from what\n"
        "/again             another answer, or another greeting\n"
        "/stop              end the answer that is being made\n"
        "/status            what the model and the memory are doing"
    )


def test_names_do_not_clash() -> None:
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    assert all(command.usage.split()[0] == f"/{command.name}" for command in COMMANDS)


async def test_an_unknown_command_is_said(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no command /dance"):
        await ask(stage, "/dance now")


async def test_a_persona_is_chosen_per_place_and_stays(stage: Stage) -> None:
    assert await ask(stage, "/persona") == "Mara (mara) speaks here, without an adapter."
    assert await ask(stage, "/persona BELLHOP") == "Ozzo speaks here now."
    await stage.say("Hello")
    assert stage.outlet.sent[-1] == ("ozzo", "Answer 1.")
    assert await ask(stage, "/persona", Place("test", "bot", "other")) == (
        "Mara (mara) speaks here, without an adapter."
    )


async def test_an_unknown_persona_names_those_there_are(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no persona 'Zed': known are mara, ozzo"):
        await ask(stage, "/persona Zed")


async def test_personas_shows_the_broken_ones_too(stage: Stage) -> None:
    stage.chat.cast = Cast({"mara": MARA, "ozzo": OZZO}, {"lost": "card.json is missing"})
    assert await ask(stage, "/personas") == (
        "* mara         Mara: no notes\n  ozzo         Ozzo: no notes\n! lost         card.json is missing"
    )


async def test_reset_hides_what_was_said_and_greets_again(stage: Stage) -> None:
    await stage.say("my name is Ana")
    assert (await ask(stage, "/reset")).startswith("The conversation begins anew")
    await stage.say("what is my name?")
    assert "my name is Ana" not in stage.engine.prompts()[-1]
    assert "assistant\nSit, Ana.<" in stage.engine.prompts()[-1]


async def test_reset_forgets_what_the_engine_computed_of_the_place(stage: Stage) -> None:
    await stage.say("my name is Ana")
    await ask(stage, "/reset")
    assert stage.engine.forgotten == [PLACE]


async def test_why_explains_the_rule_and_the_prompt_without_the_words(stage: Stage) -> None:
    assert await ask(stage, "/why") == "Nothing has been decided here yet."
    await stage.say("my private words")
    tokens = len(stage.engine.requests[0].ids)
    explained = await ask(stage, "/why")
    assert explained.splitlines()[:3] == [
        "rule      direct chat; answered",
        "persona   mara, adapter none",
        f"prompt    {tokens:,} tokens: template 29, system 61, description 16, message 21",
    ]
    assert "private" not in explained


async def test_why_explains_silence(stage: Stage) -> None:
    await stage.say("talking to somebody else", address="")
    assert await ask(stage, "/why") == "rule      not addressed; ignored"


async def test_why_explains_what_was_given_up(stage: Stage) -> None:
    stage.engine.script.append(UserError("No memory left."))
    await stage.say("Rain?")
    assert "rule      direct chat; given up No memory left." in await ask(stage, "/why")


async def test_again_without_an_answer_is_refused(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no answer yet"):
        await ask(stage, "/again")


async def test_stop_says_when_there_is_nothing_to_stop(stage: Stage) -> None:
    assert await ask(stage, "/stop") == "Nothing is being said."


async def test_status_shows_model_and_memory(stage: Stage) -> None:
    await stage.say("Rain?")
    lines = (await ask(stage, "/status")).splitlines()
    assert lines[0] == "model     scripted: ready"
    assert lines[1] == "answers   1 made, 0 running in 0 rows, 0 waiting"
    assert lines[2] == (
        "speed     0.0 tokens/s; first token after 0.00 s (p50), 0.00 s (p95); 0% of prompts remembered"
    )
    assert lines[3] == "takes     nothing yet"
    assert lines[5].startswith("memory    2 messages, 1 places, ")
    assert lines[6] == "inbox     1 answered; 0 unsent"
