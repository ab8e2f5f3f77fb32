"""The fake Discord's gateway."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord_server import BOT, DiscordServer
from tests.fakes.discord_world import INTENTS, World, plugged


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DiscordServer() as fake, aiohttp.ClientSession() as session:
        fake.limits.on = False
        yield World(fake, session)


@pytest.mark.parametrize("query", ["", "?compress=zlib-stream"])
async def test_it_greets_identifies_and_shows_its_guilds(world: World, query: str) -> None:
    async with plugged(world, query) as socket:
        ready = await socket.identify()
        guild = await socket.hear_event("GUILD_CREATE")
    assert ready["d"]["guilds"] == [{"id": str(world.guild.id), "unavailable": True}]
    assert ready["d"]["resume_gateway_url"].endswith("/resume")
    assert [one["name"] for one in guild["d"]["channels"]] == ["quay", "hold"]
    assert [one["user"]["username"] for one in guild["d"]["members"]] == ["alterego"]


async def test_it_tells_what_happens_in_sight_and_numbers_it(world: World) -> None:
    fake = world.fake
    async with plugged(world) as socket:
        await socket.identify()
        first = await socket.hear_event("GUILD_CREATE")
        fake.say(world.hold, world.ana, "hidden")
        said = fake.say(world.quay, world.ana, "seen", mentions=[fake.bot])
        fake.edit(said, "changed")
        fake.react(said, world.ana)
        fake.unreact(said, world.ana)
        fake.type(world.quay, world.ana)
        fake.delete(said)
        fake.bulk_delete([world.said])
        fake.thread(world.quay)
        fake.permit(world.quay, fake.bot, deny=["send_messages"])
        fake.join(world.guild, fake.user("ben"))
        fake.close(world.quay)
        fake.kick(world.guild)
        frames = [await socket.hear() for _ in range(12)]
    names = (
        "MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE TYPING_START"
        " MESSAGE_DELETE MESSAGE_DELETE_BULK THREAD_CREATE CHANNEL_UPDATE GUILD_MEMBER_ADD"
        " THREAD_DELETE CHANNEL_DELETE"
    ).split()
    assert [frame["t"] for frame in frames] == names
    assert [frame["s"] for frame in frames] == list(range(first["s"] + 1, first["s"] + 13))


async def test_a_session_hears_only_what_it_asked_for(world: World) -> None:
    async with plugged(world) as socket:
        await socket.identify(intents=1 << 12)
        world.fake.say(world.quay, world.ana, "in the guild")
        world.fake.say(world.fake.dm(world.ana), world.ana, "in private")
        assert (await socket.hear())["d"]["content"] == "in private"


async def test_without_the_intent_only_what_concerns_the_bot_can_be_read(world: World) -> None:
    fake = world.fake
    async with plugged(world) as socket:
        await socket.identify(intents=INTENTS & ~(1 << 15))
        fake.say(world.quay, world.ana, "secret")
        fake.say(world.quay, world.ana, "to you", mentions=[fake.bot])
        fake.say(fake.dm(world.ana), world.ana, "in private")
        fake.say(world.quay, fake.bot, "own")
        texts = [(await socket.hear_event("MESSAGE_CREATE"))["d"]["content"] for _ in range(4)]
    assert texts == ["", f"{fake.bot.mention} to you", "in private", "own"]


async def test_a_resume_replays_what_was_missed(world: World) -> None:
    async with plugged(world) as socket:
        ready = await socket.identify()
        sequence = (await socket.hear_event("GUILD_CREATE"))["s"]
        world.fake.close_gateway(4000)
        assert await socket.closed() == 4000
    world.fake.say(world.quay, world.ana, "missed")
    about = {"token": world.fake.token, "session_id": ready["d"]["session_id"], "seq": sequence}
    async with plugged(world) as socket:
        await socket.say(6, about)
        frames = [await socket.hear(), await socket.hear()]
    assert [frame["t"] for frame in frames] == ["MESSAGE_CREATE", "RESUMED"]
    async with plugged(world) as socket:
        await socket.say(6, about | {"session_id": "another"})
        assert await socket.hear() == {"op": 9, "d": False}


async def test_a_client_that_says_goodbye_gives_its_session_up(world: World) -> None:
    async with plugged(world) as socket:
        await socket.identify()
        await socket.socket.close(code=1000)
        await world.fake.until(lambda: not world.fake.sessions)


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "another", "intents": 1}, 4004),
        (2, {"token": "{token}", "intents": 1 << 50}, 4013),
        (2, {"token": "{token}", "intents": 1 << 15}, 4014),
        (3, {"status": "online"}, 4003),
        (42, None, 4003),
        (6, {"token": "another", "session_id": "x", "seq": 1}, 4004),
        (2, {"token": "x" * 4096, "intents": 1}, 4002),
    ],
)
async def test_the_gateway_closes_with_the_right_code(world: World, op: int, data: Any, code: int) -> None:
    world.fake.knobs.privileged = 0
    async with plugged(world) as socket:
        given = json.loads(json.dumps(data).replace("{token}", world.fake.token))
        await socket.say(op, given)
        assert await socket.closed() == code
    assert world.fake.connections[0].close_code == code


@pytest.mark.parametrize(("op", "code"), [(2, 4005), (42, 4001)])
async def test_a_session_that_misbehaves_is_closed(world: World, op: int, code: int) -> None:
    async with plugged(world) as socket:
        await socket.identify()
        await socket.say(op, {"token": world.fake.token, "intents": 1})
        assert await socket.closed() == code


async def test_what_is_no_json_is_4002_and_too_much_is_4008(world: World) -> None:
    async with plugged(world) as socket:
        await socket.socket.send_str("{")
        assert await socket.closed() == 4002
    world.fake.knobs.per_minute = 3
    async with plugged(world) as socket:
        for _ in range(4):
            await socket.say(1, None)
        assert await socket.closed() == 4008


async def test_heartbeats_are_acknowledged_unless_they_shall_not_be(world: World) -> None:
    async with plugged(world) as socket:
        await socket.say(1, None)
        assert await socket.hear() == {"op": 11}
        world.fake.knobs.acknowledge = False
        await socket.say(1, None)
        world.fake.ask_heartbeat()
        assert await socket.hear() == {"op": 1, "d": None}


async def test_what_the_bot_says_of_itself_is_kept(world: World) -> None:
    presence = {"status": "idle", "activities": [], "since": 0, "afk": False}
    async with plugged(world) as socket:
        await socket.identify()
        await socket.say(3, presence)
        await world.fake.until(lambda: world.fake.presences)
    assert world.fake.presences == [presence]


async def test_members_come_in_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.discord.gateway._CHUNK", 2)
    async with plugged(world) as socket:
        await socket.identify()
        await socket.say(8, {"guild_id": str(world.guild.id), "query": "", "limit": 0, "nonce": "n"})
        chunks = [(await socket.hear_event("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(2)]
        await socket.say(8, {"guild_id": str(world.guild.id), "user_ids": [str(world.ana.id), "1"]})
        asked = (await socket.hear_event("GUILD_MEMBERS_CHUNK"))["d"]
    assert [(chunk["chunk_index"], chunk["chunk_count"], chunk["nonce"]) for chunk in chunks] == [
        (0, 2, "n"),
        (1, 2, "n"),
    ]
    names = [member["user"]["username"] for chunk in chunks for member in chunk["members"]]
    assert names == ["keeper", "ana", "alterego"]
    assert ([one["user"]["username"] for one in asked["members"]], asked["not_found"]) == (["ana"], ["1"])


async def test_an_event_can_be_told_twice_under_one_number(world: World) -> None:
    async with plugged(world) as socket:
        await socket.identify()
        world.fake.say(world.quay, world.ana, "ahoy")
        world.fake.repeat("MESSAGE_CREATE", 2)
        frames = [await socket.hear_event("MESSAGE_CREATE") for _ in range(3)]
    assert frames[0] == frames[1] == frames[2]


async def test_the_next_connections_can_be_closed_at_once(world: World) -> None:
    world.fake.knobs.close_next = [4000, 4009]
    for code in (4000, 4009):
        async with plugged(world) as socket:
            assert await socket.closed() == code


async def test_a_bot_that_is_let_in_learns_of_the_guild(world: World) -> None:
    away = world.fake.guild("Abroad", bot=None)
    async with plugged(world) as socket:
        await socket.identify()
        await socket.hear_event("GUILD_CREATE")
        world.fake.invite(away, BOT)
        assert (await socket.hear_event("GUILD_CREATE"))["d"]["name"] == "Abroad"
