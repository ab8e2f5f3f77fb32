"""Behaviour of discord.py on a faithful HTTP API: a test for each behaviour that the bot relies on.

An upgrade of the library that changes such a behaviour fails here, before it shows in a channel.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from tests.fakes.discord_client import Hurry, discord, running, text_channel
from tests.fakes.discord_server import Channel, DiscordServer, answer, limited, reset, stall

SEND, EDIT = "POST /channels/*/messages", "PATCH /channels/*/messages/*"


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Hurry:
    clock = Hurry()
    monkeypatch.setattr(discord.http, "asyncio", clock)
    return clock


async def send_all(channel: discord.TextChannel) -> None:
    for number in range(12):
        await channel.send(str(number))


async def edit_all(channel: discord.TextChannel) -> None:
    message = await channel.send("first")
    for number in range(12):
        await message.edit(content=str(number))


@pytest.mark.parametrize(("act", "pattern"), [(send_all, SEND), (edit_all, EDIT)])
async def test_it_obeys_the_headers_of_a_bucket_and_never_sees_429(
    fake: DiscordServer,
    quay: Channel,
    act: Callable[[discord.TextChannel], Awaitable[None]],
    pattern: str,
) -> None:
    fake.limits.on = True
    for route in list(fake.limits.rules):
        fake.limits.rules[route] = (5, 0.4)
    async with running(fake) as client:
        await act(text_channel(client, quay))
    sent = fake.sent(pattern)
    assert {request.status for request in sent} == {200}
    assert sent[-1].at - sent[0].at >= 0.8


async def test_it_waits_out_a_429_and_sends_again(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, limited(0.3))
        await text_channel(client, quay).send("ahoy")
    first, second = fake.sent(SEND)
    assert second.at - first.answered >= 0.3
    assert quay.texts == ["ahoy"]


async def test_a_429_without_via_is_raised_at_once(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, limited(0.3, via=False))
        with pytest.raises(discord.HTTPException) as caught:
            await text_channel(client, quay).send("ahoy")
    assert caught.value.status == 429
    assert len(fake.sent(SEND)) == 1


async def test_a_global_429_holds_up_other_routes(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, limited(0.4, "global"))
        channel = text_channel(client, quay)
        sending = asyncio.create_task(channel.send("ahoy"))
        await fake.until(lambda: fake.sent(SEND) and fake.sent(SEND)[0].answered)
        await asyncio.sleep(0.05)  # the answer is on its way to the client
        await channel.typing()
        await sending
    [typing] = fake.sent("POST */typing")
    assert typing.at - fake.sent(SEND)[0].answered >= 0.4


async def test_a_429_longer_than_the_bound_is_raised_at_once(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake, max_ratelimit_timeout=30.0) as client:
        fake.faults.script(SEND, limited(60.0))
        with pytest.raises(discord.RateLimited) as caught:
            await text_channel(client, quay).send("ahoy")
    assert caught.value.retry_after == 60.0
    assert len(fake.sent(SEND)) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_it_tries_five_times_with_growing_waits_where_the_server_fails(
    fake: DiscordServer, quay: Channel, hurry: Hurry, status: int
) -> None:
    async with running(fake) as client:
        hurry.waits.clear()
        fake.faults.script(SEND, answer(status), times=5)
        with pytest.raises(discord.DiscordServerError):
            await text_channel(client, quay).send("ahoy")
    assert len(fake.sent(SEND)) == 5
    assert [wait for wait in hurry.waits if wait] == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("status", [503, 408])
async def test_it_does_not_try_again_after_503_and_408(
    fake: DiscordServer, quay: Channel, status: int
) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, answer(status))
        with pytest.raises(discord.HTTPException) as caught:
            await text_channel(client, quay).send("ahoy")
    assert caught.value.status == status
    assert len(fake.sent(SEND)) == 1


async def test_a_webhook_tries_again_after_503(
    fake: DiscordServer, quay: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.webhook.async_, "asyncio", Hurry())
    async with running(fake) as client:
        webhook = await text_channel(client, quay).create_webhook(name="gull")
        fake.faults.script("POST /webhooks/*", answer(503, after=True))
        await webhook.send("ahoy", wait=True)
    assert quay.texts == ["ahoy", "ahoy"]  # no nonce holds for webhooks


async def test_a_message_stored_before_a_502_is_sent_again_and_shown_once(
    fake: DiscordServer, quay: Channel, hurry: Hurry
) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, answer(502, after=True))
        message = await text_channel(client, quay).send("ahoy")
    bodies = [request.body for request in fake.sent(SEND)]
    assert bodies[0]["nonce"] == bodies[1]["nonce"]
    assert [body["enforce_nonce"] for body in bodies] == [True, True]
    assert list(quay.messages) == [message.id]


async def test_a_nonce_of_ones_own_makes_a_second_send_the_first(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake) as client:
        channel = text_channel(client, quay)
        first = await channel.send("ahoy", nonce="outbox-1")
        second = await channel.send("ahoy", nonce="outbox-1")
    assert (first.id, quay.texts) == (second.id, ["ahoy"])


async def test_the_nonce_of_a_deleted_message_gives_404(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake) as client:
        channel = text_channel(client, quay)
        await (await channel.send("ahoy", nonce="outbox-1")).delete()
        with pytest.raises(discord.NotFound) as caught:
            await channel.send("ahoy", nonce="outbox-1")
    assert caught.value.code == 10008


async def test_a_reset_after_the_message_was_stored_is_raised_at_once(
    fake: DiscordServer, quay: Channel
) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, reset(after=True))
        with pytest.raises(aiohttp.ClientConnectionError):
            await text_channel(client, quay).send("ahoy")
    assert len(fake.sent(SEND)) == 1
    assert quay.texts == ["ahoy"]


async def test_a_stalled_send_holds_up_its_channel(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake) as client:
        fake.faults.script(SEND, stall(0.4))
        channel = text_channel(client, quay)
        await asyncio.gather(*(channel.send(text) for text in ("one", "two", "three")))
    first, second, third = fake.sent(SEND)
    assert second.at >= first.answered
    assert third.at >= first.answered
    assert first.answered - first.at >= 0.4


async def test_a_request_may_take_five_minutes(fake: DiscordServer) -> None:
    async with running(fake) as client:
        session: aiohttp.ClientSession = client.http._HTTPClient__session  # type: ignore[attr-defined]
        assert session.timeout.total == 300


@pytest.mark.parametrize(("text", "code"), [("a" * 2001, 50035), (" \n", 50006)])
async def test_too_long_and_blank_texts_are_refused(
    fake: DiscordServer, quay: Channel, text: str, code: int
) -> None:
    async with running(fake) as client:
        with pytest.raises(discord.HTTPException) as caught:
            await text_channel(client, quay).send(text)
    assert (caught.value.status, caught.value.code) == (400, code)
