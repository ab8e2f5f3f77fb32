"""The fake Discord keeps Discord's rules for messages: who may do what, and what is refused."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord import spec
from tests.fakes.discord_server import ALL, ORDINARY, DiscordServer, call, permissions
from tests.fakes.discord_world import World

NOWHERE = {"message_id": "1"}
needs_spec = pytest.mark.skipif(
    spec.path() is None, reason="Discord's description is not at hand (ALTEREGO_SPECS)"
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DiscordServer() as fake, aiohttp.ClientSession() as session:
        fake.limits.on = False
        yield World(fake, session)


@pytest.mark.parametrize(
    ("line", "body", "status", "code"),
    [
        ("GET /channels/1", None, 404, 10003),
        ("GET /channels/x", None, 400, 50035),
        ("GET /channels/{hold}", None, 403, 50001),
        ("POST /channels/{hold}/messages", {"content": "x"}, 403, 50001),
        ("GET /channels/{quay}/messages/1", None, 404, 10008),
        ("PATCH /channels/{quay}/messages/{said}", {"content": "x"}, 403, 50005),
        ("POST /channels/{quay}/messages", {"content": " \n"}, 400, 50006),
        ("POST /channels/{quay}/messages", {"content": "a" * 2001}, 400, 50035),
        ("POST /channels/{quay}/messages", {"content": 7}, 400, 50035),
        ("POST /channels/{quay}/messages", {"content": "x", "nonce": "n" * 26}, 400, 50035),
        ("POST /channels/{quay}/messages", {"content": "x", "message_reference": NOWHERE}, 400, 50035),
        ("POST /channels/{quay}/messages", "no json object", 400, 50109),
        ("GET /channels/{quay}/messages?limit=101", None, 400, 50035),
        ("GET /channels/{quay}/messages?after=x", None, 400, 50035),
        ("GET /guilds/1", None, 404, 10004),
        ("GET /guilds/{guild}/members/1", None, 404, 10007),
        ("POST /users/@me/channels", {"recipient_id": "1"}, 404, 10013),
        ("GET /webhooks/1", None, 404, 10015),
        ("POST /webhooks/1/token", {"content": "x"}, 404, 10015),
        ("POST /interactions/1/token/callback", {"type": 4, "data": {"content": "x"}}, 404, 10062),
        ("POST /channels/{quay}/webhooks", {"name": "my Discord gull"}, 400, 50035),
        ("POST /channels/{quay}/webhooks", {"name": "Clyde"}, 400, 50035),
        ("POST /channels/{quay}/webhooks", {"name": "n" * 81}, 400, 50035),
        ("POST /channels/{quay}/webhooks", {"name": "gull", "avatar": "data:,AAAA"}, 400, 50035),
        ("DELETE /channels/{quay}/messages/{said}/reactions/⭐/@me", None, 400, 10014),
    ],
)  # fmt: skip
async def test_it_refuses_as_discord_does(world: World, line: str, body: Any, status: int, code: int) -> None:
    assert await world.refused(line, body) == (status, code)


async def test_every_route_but_those_with_a_token_in_their_path_wants_the_bots_token(world: World) -> None:
    assert await world.ask("GET /users/@me", Authorization="Bot another") == (
        401,
        {"message": "401: Unauthorized", "code": 0},
    )
    assert (await world.ask("GET /users/@me", Authorization=world.fake.token))[0] == 401
    path = await world.webhook()
    assert (await world.ask(f"POST {path}", {"content": "x"}, Authorization="none"))[0] == 204


async def test_an_unknown_route_is_noted_and_answered_404(world: World) -> None:
    assert await world.refused("GET /moon") == (404, 0)
    assert world.fake.unknown == ["GET /moon"]
    with pytest.raises(AssertionError, match="GET /moon"):
        world.fake.verify()
    world.fake.unknown.clear()


async def test_a_request_that_breaks_the_fake_itself_is_noted(world: World) -> None:
    async with world.session.post(f"{world.fake.api}{await world.webhook()}", json={"username": 7}) as found:
        assert found.status == 400
    world.fake.faults.script("*", call(lambda request: 1 / 0))
    with pytest.raises(json.JSONDecodeError):
        await world.ask("GET /users/@me")
    assert world.fake.unknown == ["GET /users/@me: ZeroDivisionError('division by zero')"]
    world.fake.unknown.clear()


async def test_bodies_are_json_without_a_charset(world: World) -> None:
    url = f"{world.fake.api}/channels/1"
    async with world.session.get(url, headers={"Authorization": f"Bot {world.fake.token}"}) as found:
        assert found.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("missing", "line", "body"),
    [
        ("send_messages", "POST /channels/{quay}/messages", {"content": "x"}),
        ("send_messages", "POST /channels/{quay}/typing", None),
        ("manage_webhooks", "POST /channels/{quay}/webhooks", {"name": "gull"}),
        ("manage_webhooks", "GET /channels/{quay}/webhooks", None),
        ("manage_webhooks", "GET /guilds/{guild}/webhooks", None),
        ("add_reactions", "PUT /channels/{quay}/messages/{said}/reactions/⭐/@me", None),
        ("manage_messages", "DELETE /channels/{quay}/messages/{said}", None),
        ("read_message_history", "GET /channels/{quay}/messages/{said}", None),
        ("create_public_threads", "POST /channels/{quay}/messages/{said}/threads", {"name": "rope"}),
    ],
)
async def test_a_missing_permission_is_50013(world: World, missing: str, line: str, body: Any) -> None:
    world.fake.permit(world.quay, world.fake.bot, deny=[missing])
    assert await world.refused(line, body) == (403, 50013)


async def test_a_closed_direct_chat_is_50007(world: World) -> None:
    world.ana.accepts_dms = False
    _, channel = await world.ask("POST /users/@me/channels", {"recipient_id": str(world.ana.id)})
    assert await world.refused(f"POST /channels/{channel['id']}/messages", {"content": "x"}) == (403, 50007)


def _by_role(world: World) -> None:
    world.fake.join(world.guild, world.ana, world.fake.role(world.guild, "mate", permissions("manage_guild")))


def _by_administrator(world: World) -> None:
    world.fake.join(
        world.guild, world.ana, world.fake.role(world.guild, "chief", permissions("administrator"))
    )


def _denied_to_all_and_allowed_to_her(world: World) -> None:
    world.fake.permit(world.quay, world.guild.everyone, deny=["send_messages"])
    world.fake.permit(world.quay, world.ana, "send_messages")


@pytest.mark.parametrize(
    ("change", "bits"),
    [
        (lambda world: None, ORDINARY),
        (_by_role, ORDINARY | permissions("manage_guild")),
        (_by_administrator, ALL),
        (_denied_to_all_and_allowed_to_her, ORDINARY),
        (lambda world: world.fake.leave(world.guild, world.ana), 0),
    ],
)
async def test_permissions_come_from_roles_and_then_from_the_channel(
    world: World, change: Callable[[World], None], bits: int
) -> None:
    change(world)
    assert world.quay.permissions(world.ana) == bits


async def test_a_thread_has_the_permissions_of_its_channel(world: World) -> None:
    thread = world.fake.thread(world.hold)
    assert thread.permissions(world.fake.bot) & permissions("view_channel") == 0
    assert thread.permissions(world.fake.owner) == ALL


async def test_a_message_is_stored_without_the_blanks_around_it(world: World) -> None:
    status, found = await world.ask("POST /channels/{quay}/messages", {"content": " hello \n"})
    assert (status, found["content"], world.quay.texts) == (200, "hello", ["ahoy", "hello"])


async def test_an_enforced_nonce_gives_back_the_first_message(world: World) -> None:
    body = {"content": "hello", "nonce": "n1", "enforce_nonce": True}
    first = await world.ask("POST /channels/{quay}/messages", body)
    assert await world.ask("POST /channels/{quay}/messages", body) == first
    world.fake.nonce_window = 0
    assert await world.ask("POST /channels/{quay}/messages", body) != first
    assert world.quay.texts == ["ahoy", "hello", "hello"]


async def test_a_refused_change_leaves_the_message_as_it_was(world: World) -> None:
    _, sent = await world.ask("POST /channels/{quay}/messages", {"content": "hello"})
    line = f"PATCH /channels/{{quay}}/messages/{sent['id']}"
    assert await world.refused(line, {"content": ""}) == (400, 50006)
    assert world.quay.texts == ["ahoy", "hello"]
    await world.ask(line, {"content": "hello there"})
    assert [version.content for version in world.fake.messages[-1].versions] == ["hello", "hello there"]


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", ["4", "3", "2", "1", "0"]),
        ("limit=2", ["4", "3"]),
        ("limit=2&before={2}", ["1", "0"]),
        ("limit=2&after={0}", ["2", "1"]),
        ("limit=3&around={2}", ["3", "2", "1"]),
    ],
)
async def test_history_is_cut_by_ids_and_newest_first(world: World, query: str, texts: list[str]) -> None:
    channel = world.fake.channel(world.guild, "log")
    ids = [world.fake.say(channel, world.ana, str(number)).id for number in range(5)]
    query = re.sub(r"\{(\d)\}", lambda match: str(ids[int(match[1])]), query)
    _, found = await world.ask(f"GET /channels/{channel.id}/messages?{query}")
    assert [message["content"] for message in found] == texts


async def test_a_file_can_be_fetched_where_its_message_says(world: World) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps({"content": ""}))
    form.add_field("files[0]", b"rope", filename="rope.txt", content_type="text/plain")
    url = f"{world.fake.api}/channels/{world.quay.id}/messages"
    headers = {"Authorization": f"Bot {world.fake.token}"}
    async with world.session.post(url, data=form, headers=headers) as sent:
        [attachment] = (await sent.json())["attachments"]
    async with world.session.get(attachment["url"]) as found:
        assert (await found.read(), found.content_type) == (b"rope", "text/plain")


async def test_many_messages_go_in_one_request(world: World) -> None:
    more = world.fake.say(world.quay, world.ana, "more")
    body = {"messages": [str(world.said.id), str(more.id)]}
    assert await world.ask("POST /channels/{quay}/messages/bulk-delete", body) == (204, None)
    assert world.quay.texts == []


@needs_spec
async def test_what_discord_would_never_say_is_noted(world: World) -> None:
    world.fake.emit("MESSAGE_CREATE", {"id": 1}, world.quay)
    [error] = world.fake.schema_errors
    assert error.startswith("MESSAGE_CREATE MessageResponse: $")
    with pytest.raises(AssertionError, match="MessageResponse"):
        world.fake.verify()
    world.fake.schema_errors.clear()


@needs_spec
async def test_what_discord_would_never_take_is_noted(world: World) -> None:
    await world.ask("POST /channels/{quay}/messages", {"content": "x", "embeds": [{"title": 7}]})
    assert any("<-" in error for error in world.fake.schema_errors)
    world.fake.schema_errors.clear()
