"""Places, their messages and what holds in them, as the owner sees and changes them."""

import asyncio
from typing import Any

import pytest

from bot.message import Author, Message, Place
from tests.bot.platforms.web.owner.conftest import ROOM, Owner

NAME = str(ROOM)


async def test_places_are_listed_with_their_counts(owner: Owner) -> None:
    other = Place("test", "bot", "kitchen", "7")
    await owner.say("Is the light lit?", 1)
    await owner.say("Who cooks?", 2, place=other)
    listed = (await owner.get("places"))["places"]
    assert {each["place"]: (each["messages"], each["busy"], each["waiting"]) for each in listed} == {
        NAME: (2, False, 0),
        "test/bot/kitchen/7": (2, False, 0),
    }


async def test_messages_come_page_by_page_from_the_newest(owner: Owner) -> None:
    for number in range(60):
        await owner.say(f"line {number}", number)
    pages, before = [], ""
    while before is not None:
        answer = await owner.get("place/messages", params={"place": NAME, "before": before})
        pages.append([each["text"] for each in answer["messages"]])
        before = answer["next"]
    assert [len(page) for page in pages] == [50, 50, 20]
    said = [text for page in pages for text in page]
    assert said == [text for n in range(59, -1, -1) for text in (f"Answer {n + 1}.", f"line {n}")]


async def test_messages_from_before_a_reset_are_shown_as_not_read(owner: Owner) -> None:
    await owner.say("Is the light lit?", 1)
    await owner.memory.reset(ROOM)
    await owner.say("And now?", 2)
    shown = (await owner.get("place/messages", params={"place": NAME}))["messages"]
    assert [(each["text"], each["is_read"]) for each in shown] == [
        ("Answer 2.", True),
        ("And now?", True),
        ("Answer 1.", False),
        ("Is the light lit?", False),
    ]


@pytest.mark.parametrize("before", ["x", "1", "1.2.3", "-1.0", "9" * 30 + ".1"])
async def test_a_position_of_nowhere_is_refused(owner: Owner, before: str) -> None:
    await owner.say("Hello", 1)
    status, answer = await owner.send("GET", "place/messages", params={"place": NAME, "before": before})
    assert (status, answer["error"]["param"]) == (400, "before")


async def test_settings_are_shown_with_their_sources(owner: Owner) -> None:
    await owner.say("Hello", 1)
    place = await owner.get("place", params={"place": NAME})
    shown = {each["name"]: (each["value"], each["from"]) for each in place["settings"]}
    assert shown["listen"] == ("off", "config.toml")
    drawn = {each["name"]: (each["value"], each["from"]) for each in place["sampling"]}
    assert (drawn["temperature"], place["persona"]) == (("0.8", "default"), "mara")
    assert place["why"].startswith("rule ")


@pytest.mark.parametrize(
    ("kind", "name", "value", "server", "text", "source"),
    [
        ("settings", "listen", "on", False, "listen is on for this chat.", "this chat"),
        ("settings", "names", "off", True, "names is off for this server.", "this server"),
        ("sampling", "temperature", "1.2", False, "temperature is 1.2 for this chat.", "this chat"),
    ],
)
async def test_a_change_is_the_commands(
    owner: Owner, kind: str, name: str, value: str, server: bool, text: str, source: str
) -> None:
    await owner.say("Hello", 1)
    changed = await owner.post(f"place/{kind}", place=NAME, name=name, value=value, server=server)
    assert changed["text"] == text
    shown = {each["name"]: (each["value"], each["from"]) for each in changed["place"][kind]}
    assert shown[name] == (value, source)


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        ("sampling", "temperature", "9", "less than or equal to 5"),
        ("settings", "listen", "loud", "listen is on, off or default, not 'loud'."),
        ("settings", "persona", "nobody", "There is no persona 'nobody'"),
        ("sampling", "max_tokens", "4000", "max_tokens is at most 2,048 here"),
    ],
)
async def test_a_value_that_the_command_refuses_is_refused(
    owner: Owner, kind: str, name: str, value: str, message: str
) -> None:
    await owner.say("Hello", 1)
    status, answer = await owner.send("POST", f"place/{kind}", {"place": NAME, "name": name, "value": value})
    assert status == 400
    assert message in answer["error"]["message"]


async def test_beginning_anew_greets_where_the_platform_runs(owner: Owner) -> None:
    await owner.say("Hello", 1)
    await owner.post("place/reset", place=NAME)
    await owner.chat.worker(ROOM).idle()
    assert owner.outlet.sent[-1] == ("mara", "Sit, User.")
    assert [message.text for message in await owner.memory.history(ROOM)] == ["Sit, User."]


async def test_a_place_without_its_platform_begins_anew_in_silence(owner: Owner) -> None:
    gone = Place("terminal", "local", "x")
    await owner.memory.accept(Message(gone, "1", Author("ana", "Ana"), "Hello", owner.chat.clock()))
    await owner.post("place/reset", place=str(gone))
    assert await owner.memory.history(gone) == ()


async def test_a_place_is_erased_once_its_name_is_typed_again(owner: Owner) -> None:
    await owner.say("Hello", 1)
    status, answer = await owner.send("POST", "place/erase", {"place": NAME, "confirm": "yes"})
    assert (status, answer["error"]["code"]) == (400, "not_confirmed")
    assert len(await owner.memory.history(ROOM)) == 2
    erased = await owner.post("place/erase", place=NAME, confirm=NAME)
    assert erased["messages"] == 2
    assert (await owner.get("places"))["places"] == []


@pytest.mark.parametrize("path", ["place/reset", "place/erase"])
async def test_nothing_ends_while_an_answer_is_made(owner: Owner, path: str) -> None:
    engine: Any = owner.chat.engine
    engine.hold = asyncio.Event()
    saying = asyncio.create_task(owner.say("Is the light lit?", 1))
    await engine.holding.wait()
    status, answer = await owner.send("POST", path, {"place": NAME, "confirm": NAME})
    assert (status, answer["error"]["message"]) == (400, "An answer is being made; stop it first.")
    assert await owner.post("place/stop", place=NAME) == {"stopped": True}
    await saying


@pytest.mark.parametrize("name", ["", "test", "test/bot/room/", "a/b/c", "../../etc", "x" * 2000])
async def test_an_unknown_place_is_not_found(owner: Owner, name: str) -> None:
    await owner.say("Hello", 1)
    status, answer = await owner.send("GET", "place", params={"place": name})
    assert (status, answer["error"]["code"]) == (404, "unknown_place")
