"""The fake Discord's limits, and the trouble that it makes on demand."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.discord_server import DiscordServer, Request, answer, call, fine, limited, reset, stall
from tests.fakes.discord_world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DiscordServer() as fake, aiohttp.ClientSession() as session:
        fake.limits.on = False
        yield World(fake, session)


async def test_a_full_bucket_answers_429_with_its_headers(world: World) -> None:
    world.fake.limits.on = True
    url, headers = (
        f"{world.fake.api}/channels/{world.quay.id}/messages",
        {"Authorization": f"Bot {world.fake.token}"},
    )
    left = []
    for number in range(6):
        async with world.session.post(url, json={"content": str(number)}, headers=headers) as found:
            left.append((found.status, found.headers["X-RateLimit-Remaining"]))
            body = await found.json()
    assert left == [(200, "4"), (200, "3"), (200, "2"), (200, "1"), (200, "0"), (429, "0")]
    assert 0 < body["retry_after"] <= 5
    assert (body["global"], found.headers["Via"], found.headers["X-RateLimit-Scope"]) == (
        False,
        "1.1 google",
        "user",
    )
    other = world.fake.channel(world.guild, "other")
    assert (await world.ask(f"POST /channels/{other.id}/messages", {"content": "x"}))[0] == 200


async def test_faults_come_in_the_order_of_their_script(world: World) -> None:
    line = "POST /channels/{quay}/messages"
    faults = [answer(502, "<h1>bad gateway</h1>", after=True), limited(9, "shared"), fine]
    world.fake.faults.script("POST /channels/*/messages", answer(503), *faults)
    assert await world.ask(line, {"content": "one"}) == (503, {"message": "503", "code": 0})
    with pytest.raises(json.JSONDecodeError):
        await world.ask(line, {"content": "two"})
    assert (await world.ask(line, {"content": "three"}))[0] == 429
    assert (await world.ask(line, {"content": "four"}))[0] == 200
    assert world.quay.texts == ["ahoy", "two", "four"]
    statuses = [request.status for request in world.fake.sent("POST /channels/*/messages")]
    assert statuses == [503, 502, 429, 200]


@pytest.mark.parametrize(("after", "texts"), [(True, ["ahoy", "hello"]), (False, ["ahoy"])])
async def test_a_reset_comes_before_or_after_the_deed(world: World, after: bool, texts: list[str]) -> None:
    world.fake.faults.script("*", reset(after=after))
    with pytest.raises(aiohttp.ClientConnectionError):
        await world.ask("POST /channels/{quay}/messages", {"content": "hello"})
    assert world.quay.texts == texts


async def test_a_stall_is_waited_out(world: World) -> None:
    world.fake.faults.script("*", stall(0.2))
    await world.ask("POST /channels/{quay}/messages", {"content": "hello"})
    [request] = world.fake.requests
    assert request.answered - request.at >= 0.2


async def test_a_sender_can_be_killed_between_the_deed_and_its_answer(world: World) -> None:
    script = (
        "import sys, urllib.request as u;"
        "u.urlopen(u.Request(sys.argv[1], b'{\"content\": \"hello\"}', method='POST',"
        " headers={'Authorization': sys.argv[2], 'Content-Type': 'application/json'}))"
    )
    url = f"{world.fake.api}/channels/{world.quay.id}/messages"
    seen: list[list[str]] = []

    def kill(request: Request) -> None:
        seen.append(world.quay.texts)
        process.send_signal(signal.SIGKILL)

    world.fake.faults.script("POST *", call(kill))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, url, f"Bot {world.fake.token}"
    )
    assert await process.wait() == -signal.SIGKILL
    assert seen == [["ahoy", "hello"]]


async def test_it_can_go_down_and_come_back_where_it_was(world: World) -> None:
    api = world.fake.api
    await world.fake.down()
    with pytest.raises(aiohttp.ClientConnectionError):
        await world.ask("GET /users/@me")
    await world.fake.up()
    assert (world.fake.api, (await world.ask("GET /users/@me"))[0]) == (api, 200)
