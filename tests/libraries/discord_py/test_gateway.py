"""Behaviour of discord.py when the gateway closes, stalls, repeats events or forgets the session."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from tests.fakes.discord_client import Client, Hurry, discord, running, text_channel
from tests.fakes.discord_server import Channel, DiscordServer, User, answer


async def _close(fake: DiscordServer) -> None:
    fake.close_gateway(4000)


async def _reconnect(fake: DiscordServer) -> None:
    fake.reconnect()


async def _abort(fake: DiscordServer) -> None:
    fake.abort_gateway()


@pytest.mark.parametrize("disturb", [_close, _reconnect, _abort])
async def test_it_resumes_and_receives_messages_of_the_outage(
    fake: DiscordServer, quay: Channel, ana: User, disturb: Callable[[DiscordServer], Awaitable[None]]
) -> None:
    async with running(fake) as client:
        await disturb(fake)
        await fake.until(lambda: fake.connections[0].close_code is not None)
        fake.say(quay, ana, "ahoy")
        await fake.until(lambda: client.heard)
        assert client.heard == ["ahoy"]
        assert [connection.path for connection in fake.connections] == ["/gw", "/resume"]
        assert len(fake.identifies) == 1
        assert "resumed" in client.events


async def test_a_storm_of_closings_loses_nothing(fake: DiscordServer, quay: Channel, ana: User) -> None:
    async with running(fake) as client:
        for number in range(10):
            fake.say(quay, ana, str(number))
            await fake.storm(1)
        await fake.until(lambda: len(client.heard) >= 10)
        assert client.heard == [str(number) for number in range(10)]
        assert len(fake.identifies) == 1


async def test_an_invalid_session_is_begun_anew_and_misses_messages_of_the_outage(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    async with running(fake) as client:
        fake.invalidate()
        fake.say(quay, ana, "unheard")
        await fake.until(lambda: len(fake.identifies) == 2)
        await fake.ready()
        fake.say(quay, ana, "heard")
        await fake.until(lambda: client.heard)
        assert client.heard == ["heard"]
        assert client.hooks == [True, False]
        assert [connection.path for connection in fake.connections] == ["/gw", "/gw"]


async def test_without_a_hook_of_ones_own_it_identifies_again_after_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Hurry()
    monkeypatch.setattr(discord.client, "asyncio", clock)
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.before_identify_hook(None, initial=True)
        await client.before_identify_hook(None, initial=False)
    assert clock.waits == [5.0]


async def test_a_session_that_is_gone_is_begun_anew_after_a_resume_was_refused(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    async with running(fake) as client:
        fake.sessions.clear()
        fake.close_gateway()
        await fake.until(lambda: len(fake.identifies) == 2)
        await fake.ready()
        assert len(fake.resumes) == 1
        assert client.hooks == [True, False]


async def test_messages_of_a_downtime_never_reach_a_new_client(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    async with running(fake):
        pass
    fake.say(quay, ana, "unheard")
    async with running(fake) as client:
        said = fake.say(quay, ana, "heard")
        await fake.until(lambda: client.heard)
        missed = [one.content async for one in text_channel(client, quay).history(before=said, limit=5)]
        assert (client.heard, missed) == (["heard"], ["unheard"])


async def test_an_event_delivered_twice_is_handled_twice(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    async with running(fake) as client:
        fake.say(quay, ana, "ahoy")
        fake.repeat()
        await fake.until(lambda: len(client.heard) == 2)
        assert client.heard == ["ahoy", "ahoy"]


async def test_it_comes_back_when_heartbeats_stay_unanswered(fake: DiscordServer) -> None:
    fake.knobs.heartbeat, fake.knobs.acknowledge = 0.1, False
    async with running(fake, heartbeat_timeout=0.5):
        await fake.until(lambda: len(fake.connections) > 1)
        first, second = fake.connections[:2]
        beats = [at for op, _, at in first.received if op == 1]
        assert len(beats) >= 2
        assert second.since - first.since >= 0.5
        assert first.close_code == 4000


async def test_it_beats_at_once_when_asked(fake: DiscordServer) -> None:
    async with running(fake):
        [connection] = fake.connections
        before = [op for op, _, _ in connection.received].count(1)
        fake.ask_heartbeat()
        await fake.until(lambda: [op for op, _, _ in connection.received].count(1) == before + 1)


def _wrong_token(fake: DiscordServer, intents: discord.Intents) -> None:
    fake.hub.token = "another"


def _not_privileged(fake: DiscordServer, intents: discord.Intents) -> None:
    fake.knobs.privileged = 0


def _no_such_intent(fake: DiscordServer, intents: discord.Intents) -> None:
    intents.value |= 1 << 50


@pytest.mark.parametrize(
    ("spoil", "error", "code"),
    [
        (_wrong_token, discord.ConnectionClosed, 4004),
        (_not_privileged, discord.PrivilegedIntentsRequired, 4014),
        (_no_such_intent, discord.ConnectionClosed, 4013),
    ],
)
async def test_a_fatal_close_code_ends_it_after_one_identify(
    fake: DiscordServer,
    spoil: Callable[[DiscordServer, discord.Intents], None],
    error: type[Exception],
    code: int,
) -> None:
    intents = discord.Intents.default()
    intents.message_content = True
    spoil(fake, intents)
    async with Client(intents=intents) as client:
        with pytest.raises(error):
            await client.start(fake.token)
    assert [connection.close_code for connection in fake.connections] == [code]
    assert len(fake.identifies) == 1


async def test_a_wrong_token_ends_the_login(fake: DiscordServer) -> None:
    async with Client() as client:
        with pytest.raises(discord.LoginFailure):
            await client.start("another")
    assert fake.identifies == []


async def test_an_answer_that_is_not_exactly_json_ends_the_login(fake: DiscordServer) -> None:
    fake.faults.script("GET /users/@me", answer(200, json.dumps({"id": "1", "username": "x"})))
    async with Client() as client:
        with pytest.raises(TypeError):
            await client.start(fake.token)


async def test_it_handles_messages_of_a_channel_at_the_same_time(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    done: list[str] = []
    later = asyncio.Event()

    async def on_message(message: discord.Message) -> None:
        if message.content == "first":
            await later.wait()
        done.append(message.content)
        later.set()

    async with running(fake) as client:
        client.event(on_message)
        fake.say(quay, ana, "first")
        fake.say(quay, ana, "second")
        await fake.until(lambda: len(done) == 2)
    assert done == ["second", "first"]


async def test_a_client_that_is_not_sharded_never_asks_for_the_gateway(fake: DiscordServer) -> None:
    async with running(fake):
        pass
    assert [request.line for request in fake.requests] == ["GET /users/@me", "GET /oauth2/applications/@me"]


@pytest.mark.parametrize("compress", [True, False])
async def test_it_reads_compressed_and_plain_frames(
    fake: DiscordServer, quay: Channel, ana: User, compress: bool
) -> None:
    fake.knobs.compress = compress
    async with running(fake) as client:
        assert [connection.compress for connection in fake.connections] == [compress]
        fake.say(quay, ana, "ahoy " * 300)
        await fake.until(lambda: client.heard)


async def test_it_is_ready_only_after_a_pause_without_new_guilds(fake: DiscordServer, ana: User) -> None:
    fake.guild("Harbour", ana)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with running(fake, guild_ready_timeout=0.4):
        assert loop.time() - began >= 0.4
