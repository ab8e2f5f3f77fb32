"""Commands, and the texts that people see."""

import asyncio

import pytest

from bot.chat.commands import COMMANDS, Level, parse_line, run_line
from bot.errors import UserError
from bot.message import Author, Place
from tests.conftest import PLACE, Stage


async def ask(stage: Stage, line: str, place: Place = PLACE, level: Level = Level.OWNER) -> str:
    return await run_line(line, stage.chat, stage.memory, place, Author("ana", "Ana"), level)


async def test_help_lists_every_command(stage: Stage) -> None:
    assert await ask(stage, "/help") == (
        "/help                            this list\n"
        "/persona [name] [where]          who speaks here, or let another one speak\n"
        "/personas                        everybody there is\n"
        "/reset                           begin the conversation anew\n"
        "/again                           another answer, or another greeting\n"
        "/continue                        let the persona go on\n"
        "/stop                            end the answer that is being made\n"
        "/why                             why the last message was answered, and from what\n"
        "/status                          what the model and the memory are doing\n"
        "/settings [name] [value] [where] what holds here, and where it comes from\n"
        "/sampling [name] [value] [where] how answers are drawn here, and how much they remember\n"
        "/post [text]                     let the persona say something, or these words"
    )


def test_names_do_not_clash() -> None:
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    assert all(command.usage.split()[0] == f"/{command.name}" for command in COMMANDS)


async def test_an_unknown_command_is_refused(stage: Stage) -> None:
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


async def test_personas_shows_broken_personas_to_owners(stage: Stage) -> None:
    stage.cast.broken["lost"] = "card.json is missing"
    assert await ask(stage, "/personas") == (
        "* mara         Mara: no notes\n  ozzo         Ozzo: no notes\n! lost         card.json is missing"
    )


async def test_reset_leaves_old_messages_out_of_prompts_and_greets_again(stage: Stage) -> None:
    await stage.say("my name is Ana")
    assert (await ask(stage, "/reset")).startswith("The conversation begins anew")
    await stage.say("what is my name?")
    assert "my name is Ana" not in stage.engine.prompts()[-1]
    assert "assistant\nSit, Ana.<" in stage.engine.prompts()[-1]


async def test_reset_drops_the_places_keys_and_values_in_the_engine(stage: Stage) -> None:
    await stage.say("my name is Ana")
    await ask(stage, "/reset")
    assert stage.engine.forgotten == [PLACE]


async def test_why_explains_rule_and_prompt_without_message_text(stage: Stage) -> None:
    assert await ask(stage, "/why") == "Nothing has been decided here yet."
    await stage.say("my private words")
    tokens = len(stage.engine.requests[0].ids)
    explained = await ask(stage, "/why")
    assert explained.splitlines()[:3] == [
        "rule      direct chat; answered",
        "persona   mara, without an adapter",
        f"prompt    {tokens:,} tokens: template 29, system 61, description 16, message 21",
    ]
    assert "private" not in explained


async def test_why_explains_an_ignored_message(stage: Stage) -> None:
    await stage.say("talking to somebody else", address="")
    assert await ask(stage, "/why") == "rule      not addressed; ignored"


async def test_why_explains_a_message_given_up(stage: Stage) -> None:
    stage.engine.script.append(UserError("No memory left."))
    await stage.say("Rain?")
    assert "rule      direct chat; given up No memory left." in await ask(stage, "/why")


async def test_again_without_an_answer_is_refused(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no answer yet"):
        await ask(stage, "/again")


async def test_stop_without_a_reply_in_the_making_says_so(stage: Stage) -> None:
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
    assert lines[6] == "inbox     1 answered; 0 unsent, 0 unreadable"


async def test_continue_lets_the_last_persona_go_on(stage: Stage) -> None:
    await stage.say("Ozzo, a story!", address="")
    assert await ask(stage, "/continue") == ""
    assert stage.outlet.sent == [("ozzo", "Answer 1."), ("ozzo", "Answer 2.")]
    assert await stage.history() == ["Ana: Ozzo, a story!", "Ozzo: Answer 1.", "Ozzo: Answer 2."]
    assert "Answer 1." in stage.engine.prompts()[-1]


async def test_continue_without_an_answer_is_refused(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no answer yet"):
        await ask(stage, "/continue")


async def test_again_removes_the_old_reply_from_the_platform(stage: Stage) -> None:
    await stage.say("Rain?")
    await ask(stage, "/again")
    assert stage.outlet.sent == [("mara", "Answer 1."), ("mara", "Answer 2.")]
    assert stage.outlet.removed == ["sent-1"]


async def test_post_sends_and_stores_the_given_text_as_the_personas(stage: Stage) -> None:
    await stage.say("Rain?")
    assert await ask(stage, "/post The  harbour opens at six.") == ""
    assert stage.outlet.sent[-1] == ("mara", "The  harbour opens at six.")
    assert (await stage.history())[-1] == "Mara: The  harbour opens at six."
    assert (await ask(stage, "/why")).startswith("rule      posted; answered")


async def test_a_post_to_an_empty_place_stands_in_the_history(stage: Stage) -> None:
    await ask(stage, "/post Good morning.")
    assert await stage.history() == ["Mara: Good morning."]


async def test_post_without_a_text_generates_one(stage: Stage) -> None:
    assert await ask(stage, "/post ") == ""
    assert stage.outlet.sent == [("mara", "Answer 1.")]
    assert await stage.history() == ["Mara: Answer 1."]
    assert (await ask(stage, "/why")).startswith("rule      asked to say something; answered")


async def test_post_while_a_reply_is_being_made_is_refused(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("Rain?"))
    await stage.engine.holding.wait()
    with pytest.raises(UserError, match="An answer is being made"):
        await ask(stage, "/post")
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()


async def test_settings_show_the_source_of_every_value(stage: Stage) -> None:
    await ask(stage, "/settings listen on")
    assert (await ask(stage, "/settings")).startswith(
        "persona  (the first)  config.toml: who speaks where nobody is called by name\n"
        "listen   on           this chat: answer everything that is said\n"
        "names    on           config.toml: answer whoever says a persona's name\n"
        "bots     off          config.toml: answer other bots, a few times in a row\n"
        "open     off          config.toml: let everybody choose who speaks and begin anew, not admins alone"
        "\ntemperature        0.8      default: "
    )
    assert (
        await ask(stage, "/settings listen")
        == "listen   on           this chat: answer everything that is said"
    )


async def test_settings_changed_for_the_server_hold_in_all_its_chats(stage: Stage) -> None:
    here, there = (Place("test", "bot", chat, server="guild") for chat in ("here", "there"))
    await ask(stage, "/settings names off server", here)
    assert "names    off          this server" in await ask(stage, "/settings", there)
    await ask(stage, "/persona ozzo server", here)
    assert (await ask(stage, "/persona", there)).startswith("Ozzo (ozzo) speaks here")


async def test_a_persona_setting_is_checked_against_the_cast(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no persona 'zed'"):
        await ask(stage, "/settings persona zed")
    assert await ask(stage, "/settings persona Bellhop") == "persona is ozzo for this chat."


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        ("/help", ("help", {})),
        ("/persona", ("persona", {})),
        ("/persona mara", ("persona", {"name": "mara"})),
        ("/persona mara server", ("persona", {"name": "mara", "where": "server"})),
        ("/post  a  b ", ("post", {"text": "a  b "})),
        ("/dance now", ("dance", {})),
    ],
)
def test_typed_options_are_taken_in_their_order(typed: str, parsed: tuple[str, dict[str, str]]) -> None:
    assert parse_line(typed) == parsed
