"""Commands as people type them: quotes, blanks, scripts, case, beginnings, and what is not understood."""

from dataclasses import replace

import pytest

from bot.chat.commands import Level, parse_line, run_line
from bot.chat.commands.arguments import Word, split_words
from bot.errors import UserError
from bot.message import Author, Place
from bot.persona.card import Card
from tests.conftest import MARA, PLACE, Stage

SERVER = Place("test", "bot", "room", server="guild")


async def ask(stage: Stage, line: str, place: Place = PLACE) -> str:
    return await run_line(line, stage.chat, stage.memory, place, Author("ana", "Ana"), Level.OWNER)


@pytest.fixture
def cast(stage: Stage) -> Stage:
    """A stage with names that have blanks, or other scripts, or the same beginning."""
    people = {"quill": "Mara Quill", "xiaoman": "小满", "olga": "Ольга", "marina": "Marina"}
    stage.cast.personas.update(
        {key: replace(MARA, key=key, card=Card(name=name, description="x")) for key, name in people.items()}
    )
    return stage


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/persona Mara Quill", "Mara Quill"),
        ('/persona "Mara Quill"', "Mara Quill"),
        ("/persona “mara quill”", "Mara Quill"),
        ("/persona „Mara  Quill“ ", "Mara Quill"),
        ("/persona\u00a0Mara\u00a0Quill", "Mara Quill"),
        ("/persona\nMara\nQuill", "Mara Quill"),
        ("/PERSONA mara QUILL", "Mara Quill"),
        ("/persona: @MaraQuill", "Mara Quill"),
        ("/persona Mara Q", "Mara Quill"),
        ("/persona Quill", "Mara Quill"),
        ("/persona 小满", "小满"),
        ("/persona 「小满」", "小满"),
        ("/persona ольга", "Ольга"),
        ("/persona mari", "Marina"),
        ("/persona mara", "Mara"),
        ("/persona Ｏｚｚｏ.", "Ozzo"),
        ("/settings persona Mara Quill", "Mara Quill"),
        ("/settings persona=Quill", "Mara Quill"),
    ],
)
async def test_a_persona_is_chosen_as_people_type_its_name(cast: Stage, line: str, name: str) -> None:
    await ask(cast, line)
    assert (await cast.chat.resident(PLACE)).name == name


@pytest.mark.parametrize(
    "line",
    ["/persona Mara Quill server", '/persona "Mara Quill" SERVER', "/settings persona Mara Quill guild"],
)
async def test_a_name_with_blanks_is_chosen_for_the_server(cast: Stage, line: str) -> None:
    await ask(cast, line, SERVER)
    assert (await cast.chat.resident(replace(SERVER, chat="other"))).name == "Mara Quill"


@pytest.mark.parametrize("line", ["/persona web server", "/settings persona Web Server"])
async def test_a_name_that_ends_like_a_place_is_a_name(cast: Stage, line: str) -> None:
    cast.cast.personas["w"] = replace(MARA, key="w", card=Card(name="Web Server", description="x"))
    await ask(cast, line, SERVER)
    assert (await cast.chat.resident(SERVER)).name == "Web Server"
    assert (await cast.chat.resident(replace(SERVER, chat="other"))).name == "Mara"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/persona mar", "'mar' fits more than one persona: mara, quill (Mara Quill), marina. Write one of"),
        (
            "/persona ozo",
            "There is no persona 'ozo'. Nearest is ozzo; known are mara, ozzo, quill (Mara Quill)",
        ),
        (
            "/persona zed",
            "There is no persona 'zed': known are mara, ozzo, quill (Mara Quill), xiaoman (小满)",
        ),
        (
            "/presona mara",
            "There is no command /presona. Nearest is /persona or /personas; /help lists them.",
        ),
        ("/stat", "There is no command /stat. Nearest is /status; /help lists them."),
        ("/dance", "There is no command /dance. /help lists them."),
        ("/", "There is no command /. /help lists them."),
        ("/settings listne on", "There is no setting 'listne'. Nearest is listen; known are persona, listen"),
        ("/settings listen perhaps", "listen is on, off or default, not 'perhaps'."),
        (
            "/settings zed",
            "There is no setting 'zed': known are persona, listen, names, bots, open, temperature",
        ),
    ],
)
async def test_what_is_not_understood_is_answered_with_what_would_be(
    cast: Stage, line: str, answer: str
) -> None:
    with pytest.raises(UserError) as error:
        await ask(cast, line)
    assert str(error.value).startswith(answer)


async def test_nothing_is_done_by_the_beginning_of_a_commands_name(stage: Stage) -> None:
    await stage.say("Hello")
    with pytest.raises(UserError, match="Nearest is /reset"):
        await ask(stage, "/rese")
    assert await stage.history() == ["Ana: Hello", "Mara: Answer 1."]


async def test_commands_above_the_callers_level_are_not_proposed(stage: Stage) -> None:
    with pytest.raises(UserError, match=r"There is no command /pots\. /help lists them"):
        await run_line("/pots", stage.chat, stage.memory, PLACE, Author("bo", "Bo"))


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        *((word, "on") for word in ("on", "ON", "yes", "an", "True", "1", "“on”", "да", "开", "はい")),
        *((word, "off") for word in ("off", "Off.", "no", "aus", "FALSE", "0", "нет", "关")),
        *((word, "default") for word in ("default", "DEFAULT", "reset")),
    ],
)
async def test_a_switch_is_set_in_the_words_of_people(stage: Stage, typed: str, value: str) -> None:
    assert await ask(stage, f"/settings LISTEN {typed}") == f"listen is {value} for this chat."


def test_the_last_word_is_the_place_where_another_word_stands_before() -> None:
    assert parse_line("/persona server") == ("persona", {"name": "server"})
    assert parse_line("/persona mara Here.") == ("persona", {"name": "mara", "where": "here"})
    assert parse_line('/persona Mara "server"') == ("persona", {"name": "Mara server"})
    assert parse_line("/settings listen on guild") == (
        "settings",
        {"name": "listen", "value": "on", "where": "server"},
    )
    assert parse_line('/post "a"  b') == ("post", {"text": '"a"  b'})


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("O'Brien d'Arc", [Word("O'Brien"), Word("d'Arc")]),
        ('"a b', [Word('"a'), Word("b")]),
        ("it's 'ok", [Word("it's"), Word("'ok")]),
        ("«Mara Quill», x", [Word("Mara Quill", True), Word(","), Word("x")]),
        ('""', [Word("", True)]),
        ('"', [Word('"')]),
        ("", []),
    ],
)
def test_quotes_stand_around_words_and_apostrophes_within(typed: str, words: list[Word]) -> None:
    assert split_words(typed) == words
