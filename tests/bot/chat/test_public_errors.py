"""Strangers read no path and no name of the machine in an error; its owner does."""

import pytest

from bot.chat.commands import Level, run_line
from bot.chat.public_errors import HIDDEN, public_text
from bot.errors import UserError
from tests.conftest import PLACE, Stage

DETAILS = "/srv/alterego/data/memory.db cannot be written: free some space."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (DETAILS, HIDDEN),
        ("The disk that holds C:\\bot\\data is full.", HIDDEN),
        ("There is no settings file '~/alterego/config.toml': make one.", HIDDEN),
        ("The proxy http://host:1 refuses.", HIDDEN),
        ("The model Org/Model-1B has no chat template.", HIDDEN),
        ("There is no command /dance: /help lists them.", "There is no command /dance: /help lists them."),
        ("Ask for tea and/or coffee.", "Ask for tea and/or coffee."),
        ("There is not enough memory for this request.", "There is not enough memory for this request."),
    ],
)
def test_an_error_with_a_path_or_a_name_is_hidden(text: str, shown: str) -> None:
    assert public_text(UserError(text), ("Org/Model-1B", "")) == shown


def test_an_error_may_have_a_sentence_for_strangers() -> None:
    assert public_text(UserError(DETAILS, public="The disk is full."), ()) == "The disk is full."


async def test_a_notice_in_a_chat_hides_paths(stage: Stage) -> None:
    stage.engine.script.append(UserError(DETAILS))
    await stage.say("Rain?")
    assert stage.outlet.sent[-1] == (None, HIDDEN)


async def test_a_notice_in_the_owners_terminal_has_the_details(stage: Stage) -> None:
    stage.outlet.for_owner = True
    stage.engine.script.append(UserError(DETAILS))
    await stage.say("Rain?")
    assert stage.outlet.sent[-1] == (None, DETAILS)


@pytest.mark.parametrize(("level", "shown"), [(Level.OWNER, DETAILS), (Level.MEMBER, HIDDEN)])
async def test_the_reason_of_a_given_up_message_is_hidden_from_strangers(
    stage: Stage, level: Level, shown: str
) -> None:
    stage.engine.script.append(UserError(DETAILS))
    await stage.say("Rain?")
    assert shown in await run_line("/why", stage.chat, stage.memory, PLACE, "Ana", level)
