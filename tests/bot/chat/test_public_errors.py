"""Strangers read no path and no name of the machine in an error; its owner does."""

import pytest

from bot.chat.commands import Level, run_line
from bot.chat.public_errors import HIDDEN, public_text
from bot.errors import UserError
from bot.message import Author
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
    assert shown in await run_line("/why", stage.chat, stage.memory, PLACE, Author("ana", "Ana"), level)


@pytest.mark.parametrize("level", [Level.MEMBER, Level.ADMIN])
async def test_the_name_and_the_errors_of_the_model_are_the_owners(stage: Stage, level: Level) -> None:
    shown = await run_line("/status", stage.chat, stage.memory, PLACE, Author("ana", "Ana"), level)
    assert shown.splitlines()[0] == "model     ready"


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (Level.OWNER, "The persona 'lost' is broken: the card /srv/x/lost/card.json is missing."),
        (Level.ADMIN, "The persona 'lost' is broken; whoever runs the bot finds the reason in its log."),
    ],
)
async def test_a_broken_personas_paths_are_the_owners(stage: Stage, level: Level, said: str) -> None:
    stage.cast.broken["lost"] = "the card /srv/x/lost/card.json is missing"
    for line in ("/persona lost", "/settings persona lost"):
        with pytest.raises(UserError) as caught:
            await run_line(line, stage.chat, stage.memory, PLACE, Author("ana", "Ana"), level)
        assert str(caught.value) == said
