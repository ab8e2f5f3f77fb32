"""The fake Discord's commands, completions, menus, buttons and forms."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord_server import ORDINARY, DiscordServer
from tests.fakes.discord_world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DiscordServer() as fake, aiohttp.ClientSession() as session:
        fake.limits.on = False
        yield World(fake, session)


COMMANDS = [
    {
        "name": "memory",
        "description": "m",
        "type": 1,
        "options": [
            {
                "type": 1,
                "name": "forget",
                "description": "f",
                "options": [
                    {"type": 6, "name": "who", "description": "w"},
                    {"type": 3, "name": "what", "description": "t", "autocomplete": True},
                ],
            }
        ],
    },
    {"name": "ping", "description": "p", "type": 1},
    {"name": "Why", "type": 3},
]


@pytest.fixture
async def calls(world: World) -> World:
    """The world with registered commands."""
    status, _ = await world.ask(f"PUT /applications/{world.fake.bot.id}/commands", COMMANDS)
    assert status == 200
    return world


def _callback(one: Any) -> str:
    return f"POST /interactions/{one.id}/{one.token}/callback"


def _original(world: World, one: Any) -> str:
    return f"/webhooks/{world.fake.bot.id}/{one.token}/messages/@original"


def _last(world: World) -> dict[str, Any]:
    """The inner data of the last interaction that was told."""
    found: dict[str, Any] = world.fake.told[-1].data
    return found


async def test_a_command_carries_its_path_and_what_its_options_mean(calls: World) -> None:
    calls.fake.slash(calls.quay, calls.ana, "memory forget", who=calls.ana, what="all")
    data = _last(calls)["data"]
    [inner] = data["options"]
    assert (data["name"], inner["name"], inner["type"]) == ("memory", "forget", 1)
    assert [(one["name"], one["value"]) for one in inner["options"]] == [
        ("who", str(calls.ana.id)),
        ("what", "all"),
    ]
    assert list(data["resolved"]["members"]) == [str(calls.ana.id)]


@pytest.mark.parametrize("path", ["sing", "memory sing", "memory forget"])
async def test_what_was_not_registered_cannot_be_called(calls: World, path: str) -> None:
    with pytest.raises(LookupError):
        calls.fake.slash(calls.quay, calls.ana, path, nothing="x")


async def test_an_entry_point_leaves_the_list_by_no_bulk_overwrite(calls: World) -> None:
    line = f"PUT /applications/{calls.fake.bot.id}/commands"
    launch = {"type": 4, "name": "launch", "handler": 2}
    assert (await calls.ask(line, [*COMMANDS, launch]))[0] == 200
    assert await calls.refused(line, COMMANDS) == (400, 50240)
    assert (await calls.ask(line, [*COMMANDS, launch]))[0] == 200


async def test_commands_keep_their_ids_when_they_are_put_again(calls: World) -> None:
    line = f"PUT /applications/{calls.fake.bot.id}/commands"
    before = [one["id"] for one in calls.fake.commands[None]]
    _, found = await calls.ask(line, COMMANDS[:2])
    assert [one["id"] for one in found] == before[:2]
    assert await calls.refused(line, [{"name": "Ping!", "description": "p", "type": 1}]) == (400, 50035)


async def test_an_answer_is_given_once(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    body = {"type": 4, "data": {"content": "pong"}}
    status, found = await calls.ask(f"{_callback(one)}?with_response=1", body)
    assert (status, found["resource"]["message"]["content"]) == (200, "pong")
    assert await calls.refused(_callback(one), body) == (400, 40060)
    assert (one.text, one.done, calls.quay.texts) == ("pong", True, ["ahoy", "pong"])


async def test_a_refused_answer_leaves_the_interaction_open(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    body = {"type": 4, "data": {"content": "p" * 2001}}
    assert await calls.refused(_callback(one), body) == (400, 50035)
    assert await calls.ask(_callback(one), {"type": 4, "data": {"content": "pong"}}) == (204, None)


async def test_an_answer_after_the_clock_ran_out_is_10062(calls: World) -> None:
    calls.fake.ack_window = 0
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    assert await calls.refused(_callback(one), {"type": 5}) == (404, 10062)


async def test_after_the_tokens_life_nothing_can_be_changed(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    await calls.ask(_callback(one), {"type": 5})
    calls.fake.token_life = 0
    assert await calls.refused(f"PATCH {_original(calls, one)}", {"content": "x"}) == (401, 50027)


async def test_before_the_first_answer_there_is_nothing_to_follow(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    assert await calls.refused(f"PATCH {_original(calls, one)}", {"content": "x"}) == (404, 10015)


async def test_the_first_followup_of_a_deferral_is_its_answer(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    await calls.ask(_callback(one), {"type": 5, "data": {"flags": 64}})
    assert (one.deferred, one.done, one.text) == (True, False, None)
    path = f"POST /webhooks/{calls.fake.bot.id}/{one.token}"
    await calls.ask(path, {"content": "pong"})
    await calls.ask(path, {"content": "more"})
    assert (one.text, one.texts, one.ephemeral) == ("pong", ["pong", "more"], True)


async def test_what_only_the_caller_sees_is_told_to_nobody(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    told = len(calls.fake.told)
    await calls.ask(_callback(one), {"type": 4, "data": {"content": "psst", "flags": 64}})
    assert (one.text, calls.quay.texts, calls.fake.told[told:]) == ("psst", ["ahoy"], [])


async def test_a_completion_takes_choices_and_nothing_else(calls: World) -> None:
    one = calls.fake.complete(calls.quay, calls.ana, "memory forget", "what", what="al")
    options = _last(calls)["data"]["options"][0]["options"]
    assert options == [{"type": 3, "name": "what", "value": "al", "focused": True}]
    assert await calls.refused(_callback(one), {"type": 4, "data": {"content": "x"}}) == (400, 50035)
    choices = [{"name": "all", "value": "all"}]
    assert await calls.ask(_callback(one), {"type": 8, "data": {"choices": choices}}) == (204, None)
    assert one.choices == choices


async def test_a_form_is_shown_filled_in_and_answered(calls: World) -> None:
    one = calls.fake.slash(calls.quay, calls.ana, "ping")
    row = {"type": 1, "components": [{"type": 4, "custom_id": "note", "style": 1, "label": "Note"}]}
    form = {"custom_id": "form", "title": "Form", "components": [row]}
    assert await calls.ask(_callback(one), {"type": 9, "data": form}) == (204, None)
    filled = calls.fake.submit(one, {"note": "hello"})
    [shown] = _last(calls)["data"]["components"][0]["components"]
    assert (shown["custom_id"], shown["value"]) == ("note", "hello")
    assert await calls.refused(_callback(filled), {"type": 9, "data": form}) == (400, 50035)
    await calls.ask(_callback(filled), {"type": 4, "data": {"content": "thanks"}})
    assert filled.text == "thanks"


async def test_a_button_changes_its_own_message(calls: World) -> None:
    button = {"type": 2, "style": 1, "custom_id": "again", "label": "again"}
    body = {"content": "first", "components": [{"type": 1, "components": [button]}]}
    await calls.ask("POST /channels/{quay}/messages", body)
    one = calls.fake.press(calls.fake.messages[-1], calls.ana, "again")
    assert _last(calls)["message"]["content"] == "first"
    update = {"type": 7, "data": {"content": "second", "components": []}}
    assert await calls.ask(_callback(one), update) == (204, None)
    assert (calls.quay.texts, one.text) == (["ahoy", "second"], "second")


async def test_a_form_that_a_button_opened_is_answered_with_a_new_message(calls: World) -> None:
    row = {"type": 1, "components": [{"type": 4, "custom_id": "note", "style": 1, "label": "Note"}]}
    form = {"custom_id": "form", "title": "Form", "components": [row]}
    pressed = calls.fake.press(calls.said, calls.ana, "again")
    await calls.ask(_callback(pressed), {"type": 9, "data": form})
    filled = calls.fake.submit(pressed, {"note": "hello"})
    await calls.ask(_callback(filled), {"type": 5})
    await calls.ask(f"PATCH {_original(calls, filled)}", {"content": "thanks"})
    again = calls.fake.press(calls.said, calls.ana, "again")
    await calls.ask(_callback(again), {"type": 4, "data": {"content": "pressed"}})
    assert calls.quay.texts == ["ahoy", "thanks", "pressed"]


async def test_a_menu_carries_the_message_it_was_opened_on(calls: World) -> None:
    calls.fake.menu(calls.quay, calls.ana, "Why", calls.said)
    data = _last(calls)["data"]
    assert data["resolved"]["messages"][data["target_id"]]["content"] == "ahoy"


async def test_permissions_are_the_callers_own_unless_the_test_says_otherwise(calls: World) -> None:
    calls.fake.slash(calls.quay, calls.ana, "ping")
    assert _last(calls)["member"]["permissions"] == str(ORDINARY)
    calls.fake.slash(calls.quay, calls.ana, "ping", permissions=0)
    assert _last(calls)["member"]["permissions"] == "0"


async def test_the_place_tells_the_context_and_who_installed_the_bot(calls: World) -> None:
    fake, ben = calls.fake, calls.fake.user("ben")
    abroad = fake.channel(fake.guild("Abroad", calls.ana, bot=None))
    found = []
    for place in (calls.quay, fake.dm(calls.ana), fake.dm(calls.ana, ben), abroad):
        fake.slash(place, calls.ana, "ping")
        found.append((_last(calls)["context"], _last(calls)["authorizing_integration_owners"]))
    her = {"1": str(calls.ana.id)}
    assert found == [(0, {"0": str(calls.guild.id)}), (1, {"0": "0"}), (2, her), (0, her)]
