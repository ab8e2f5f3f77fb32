"""The fake Discord's webhooks, and the pings that it counts."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.discord.pings import pings
from tests.fakes.discord_server import DiscordServer
from tests.fakes.discord_world import World

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nnot much of a picture").decode()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DiscordServer() as fake, aiohttp.ClientSession() as session:
        fake.limits.on = False
        yield World(fake, session)


async def test_a_channel_has_room_for_fifteen_webhooks(world: World) -> None:
    for number in range(15):
        status, _ = await world.ask("POST /channels/{quay}/webhooks", {"name": f"gull {number}"})
        assert status == 200
    assert await world.refused("POST /channels/{quay}/webhooks", {"name": "one more"}) == (400, 30007)


async def test_a_webhook_speaks_under_any_name_and_takes_it_back(world: World) -> None:
    path = await world.webhook()
    body = {"content": "hello", "username": "Mara", "avatar_url": "https://example.org/mara.png"}
    status, found = await world.ask(f"POST {path}?wait=true", body)
    assert (status, found["author"]["username"], found["author"]["bot"]) == (200, "Mara", True)
    assert world.fake.messages[-1].author.avatar_url == "https://example.org/mara.png"
    message = f"{path}/messages/{found['id']}"
    _, found = await world.ask(f"PATCH {message}", {"content": "hello there"})
    assert found["content"] == "hello there"
    assert await world.ask(f"DELETE {message}") == (204, None)
    assert await world.refused(f"GET {message}") == (404, 10008)


@pytest.mark.parametrize(
    "body",
    [{"username": "discord helper"}, {"username": "m" * 81}, {"avatar_url": "file:///mara.png"}],
)
async def test_a_webhook_may_not_borrow_every_name(world: World, body: dict[str, str]) -> None:
    path = await world.webhook()
    assert await world.refused(f"POST {path}", {"content": "x", **body}) == (400, 50035)


async def test_a_webhook_speaks_in_threads_of_its_own_channel_only(world: World) -> None:
    path, mine, other = await world.webhook(), world.fake.thread(world.quay), world.fake.thread(world.hold)
    assert await world.ask(f"POST {path}?thread_id={mine.id}", {"content": "hello"}) == (204, None)
    assert mine.texts == ["hello"]
    assert await world.refused(f"POST {path}?thread_id={other.id}", {"content": "hello"}) == (404, 10003)


async def test_a_deleted_webhook_is_unknown_and_a_wrong_token_is_none(world: World) -> None:
    path = await world.webhook()
    assert await world.refused(f"POST {path}x", {"content": "x"}) == (401, 50027)
    assert await world.ask(f"DELETE {path}") == (204, None)
    assert await world.refused(f"POST {path}", {"content": "x"}) == (404, 10015)


async def test_a_webhooks_picture_is_kept_for_the_cdn(world: World) -> None:
    _, found = await world.ask("POST /channels/{quay}/webhooks", {"name": "gull", "avatar": PNG})
    url = f"{world.fake.cdn}/avatars/{found['id']}/{found['avatar']}.png"
    async with world.session.get(url) as picture:
        assert (await picture.read()).startswith(b"\x89PNG")


async def test_the_bot_sees_the_tokens_of_peoples_webhooks_and_of_its_own(world: World) -> None:
    theirs = world.fake.webhook(world.quay, "parrot")
    path = await world.webhook("gull")
    _, found = await world.ask("GET /channels/{quay}/webhooks")
    assert [(one["name"], one["token"]) for one in found] == [
        ("parrot", theirs.token),
        ("gull", path.rsplit("/", 1)[1]),
    ]
    assert (await world.ask("GET /guilds/{guild}/webhooks"))[1] == found


@pytest.mark.parametrize(
    ("text", "allowed", "mentions"),
    [
        ("@everyone <@1> <@&2>", None, {"@everyone", "<@1>", "<@&2>", "<@9>"}),
        ("@everyone @here <@1> <@&2>", {"parse": []}, set()),
        ("@here <@1> <@&2>", {"parse": ["everyone"]}, {"@here"}),
        ("<@1> <@!3>", {"parse": ["users"]}, {"<@1>", "<@3>"}),
        ("<@1> <@3>", {"users": ["3", "4"]}, {"<@3>"}),
        ("<@&2> <@&3>", {"parse": ["users"], "roles": [3]}, {"<@&3>"}),
        ("", {"parse": [], "replied_user": True}, {"<@9>"}),
        ("`@everyone`", {"parse": ["everyone"]}, {"@everyone"}),
        ("nobody", {"parse": ["everyone", "users", "roles"]}, set()),
    ],
)
def test_pings_are_what_stands_in_the_text_and_is_allowed(
    text: str, allowed: dict[str, Any] | None, mentions: set[str]
) -> None:
    assert pings(text, allowed, replied=9).mentions == mentions


@given(st.text(alphabet="<@!&>12everyonh ` \n", max_size=60))
def test_where_nothing_is_allowed_nobody_is_pinged(text: str) -> None:
    assert pings(text, {"parse": []}, replied=9).mentions == frozenset()


async def test_an_embed_pings_nobody_but_a_layout_does(world: World) -> None:
    await world.ask("POST /channels/{quay}/messages", {"embeds": [{"description": "@everyone"}]})
    assert world.fake.messages[-1].pings == frozenset()
    layout = {"components": [{"type": 10, "content": "@everyone"}], "flags": 1 << 15}
    await world.ask("POST /channels/{quay}/messages", layout)
    assert world.fake.messages[-1].pings == {"@everyone"}


async def test_an_edit_counts_its_own_pings(world: World) -> None:
    quiet: dict[str, Any] = {"allowed_mentions": {"parse": []}}
    _, sent = await world.ask("POST /channels/{quay}/messages", {"content": "@everyone", **quiet})
    await world.ask(f"PATCH /channels/{{quay}}/messages/{sent['id']}", {"content": "@here"})
    assert [version.pings for version in world.fake.messages[-1].versions] == [frozenset(), {"@here"}]


async def test_who_may_not_mention_everyone_pings_only_people(world: World) -> None:
    world.fake.permit(world.quay, world.fake.bot, deny=["mention_everyone"])
    role = world.fake.role(world.guild, "crew")
    text = f"@everyone {role.mention} {world.ana.mention}"
    await world.ask("POST /channels/{quay}/messages", {"content": text})
    assert world.fake.messages[-1].pings == {world.ana.mention}
