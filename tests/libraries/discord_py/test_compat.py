"""Each private or patched part of discord.py in `bot/platforms/discord/compat.py`: there, and needed.

A failing test names the part that a newer discord.py has changed: adapt that part, or drop it.
"""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.addresses import Addresses
from bot.platforms.discord import compat
from tests.fakes.discord.request import File
from tests.fakes.discord_client import Client, Hurry, discord, running, text_channel
from tests.fakes.discord_server import Channel, DiscordServer, User, answer, limited

SEND = "POST /channels/*/messages"


class Hooked(Client, compat.HookedClient):
    """The noting client of the tests, with the hooks of the bot's client."""


def malformed(fake: DiscordServer) -> None:
    fake.emit("MESSAGE_CREATE", {"id": "7"}, None)
    fake.schema_errors.clear()  # the payload is to be wrong


async def test_an_unreadable_payload_ends_the_connection_without_the_guard(fake: DiscordServer) -> None:
    async with Client() as client:
        task = asyncio.create_task(client.start(fake.token))
        await fake.until(lambda: "ready" in client.events)
        malformed(fake)
        with pytest.raises(KeyError):
            await asyncio.wait_for(task, 5)


async def test_the_guard_passes_an_unreadable_payload_on_and_keeps_the_connection(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    unreadable: list[tuple[str, str]] = []
    async with running(fake, Hooked) as client:
        assert isinstance(client, Hooked)
        client.on_unreadable = lambda event, delivery_id: unreadable.append((event, delivery_id))
        malformed(fake)
        fake.say(quay, ana, "ahoy")
        await fake.until(lambda: client.heard)
        assert (unreadable, len(fake.connections)) == ([("MESSAGE_CREATE", "7")], 1)


async def test_events_pass_through_dispatch_in_the_order_of_the_gateway(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    events: list[tuple[str, Any]] = []
    async with running(fake, Hooked) as client:
        assert isinstance(client, Hooked)
        client.on_event = lambda event, arguments: events.append((event, arguments))
        for number in range(20):
            fake.say(quay, ana, str(number))
        await fake.until(lambda: len(client.heard) == 20)
    contents = [arguments[0].content for event, arguments in events if event == "message"]
    assert contents == [str(number) for number in range(20)]


@pytest.mark.parametrize(("kind", "count"), [(discord.Client, 2), (compat.HookedClient, 0)])
def test_missing_voice_libraries_are_no_warning_of_a_hooked_client(
    kind: type[discord.Client], count: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discord.VoiceClient, "warn_nacl", True)
    monkeypatch.setattr(discord.VoiceClient, "warn_dave", True)
    kind(intents=discord.Intents.none())
    assert sum("voice will NOT be supported" in message for message in caplog.messages) == count


class Unreachable:
    """A gateway that refuses every connection; after `tries`, the client is closed."""

    def __init__(self, patch: pytest.MonkeyPatch, client: discord.Client, tries: int) -> None:
        self._client, self._left, self.clock = client, tries, Hurry()
        patch.setattr(discord.client, "asyncio", self.clock)
        patch.setattr(discord.client.DiscordWebSocket, "from_client", self._refuse)

    async def _refuse(self, *_: object, **__: object) -> None:
        self._left -= 1
        if not self._left:
            await self._client.close()
        raise OSError


async def test_a_first_try_that_fails_asks_a_missing_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        Unreachable(monkeypatch, client, 9)
        with pytest.raises(AttributeError):
            await client.connect()
        assert compat.has_no_socket(client)


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """discord.py as it is imported, whichever platform this process has opened before."""
    monkeypatch.setattr(discord.client, "ExponentialBackoff", discord.backoff.ExponentialBackoff)
    monkeypatch.setattr(logging.getLogger("discord.client"), "filters", [])


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("bound", [None, 15.0])
async def test_waits_between_tries_to_connect_grow_without_the_bound(
    bound: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bound:
        compat.bound_reconnect_waits(bound)
    async with discord.Client(intents=discord.Intents.none()) as client:
        unreachable = Unreachable(monkeypatch, client, 200)
        client.ws = SimpleNamespace(sequence=None, gateway=None, session_id=None, open=False)  # type: ignore[assignment]
        await client.connect()
    assert len(unreachable.clock.waits) >= 150
    assert (max(unreachable.clock.waits) > 60) == (bound is None)
    if bound:
        assert max(unreachable.clock.waits) <= bound


@pytest.mark.usefixtures("untouched")
async def test_the_record_of_a_failed_try_to_connect_is_known_by_its_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        Unreachable(monkeypatch, client, 3)
        client.ws = SimpleNamespace(sequence=None, gateway=None, session_id=None, open=False)  # type: ignore[assignment]
        await client.connect()
    records = [record for record in caplog.records if record.msg == compat.RECONNECT_MESSAGE]
    assert [(record.name, record.levelname, bool(record.exc_info)) for record in records] == [
        ("discord.client", "ERROR", True)
    ] * 2
    assert all(compat.shorten_reconnect_record(record) for record in records)
    assert {(record.levelno, record.exc_info) for record in records} == {(logging.WARNING, None)}


async def test_a_traced_webhook_does_not_repeat_a_call_that_failed(
    fake: DiscordServer, quay: Channel
) -> None:
    async with running(fake, http_trace=compat.trace_webhook_calls()) as client:
        webhook = await text_channel(client, quay).create_webhook(name="gull")
        fake.faults.script("POST /webhooks/*", answer(503, after=True))
        with pytest.raises(compat.UnansweredCall):
            await webhook.send("ahoy", wait=True)
    assert quay.texts == ["ahoy"]


async def test_a_traced_webhook_does_not_wait_for_a_long_limit(fake: DiscordServer, quay: Channel) -> None:
    async with running(fake, http_trace=compat.trace_webhook_calls()) as client:
        webhook = await text_channel(client, quay).create_webhook(name="gull")
        fake.faults.script("POST /webhooks/*", limited(60.0))
        with pytest.raises(discord.RateLimited) as caught:
            await asyncio.wait_for(webhook.send("ahoy", wait=True), 5)
    assert caught.value.retry_after == 60.0


async def test_a_call_cancelled_in_a_global_limit_holds_up_every_other_until_the_release(
    fake: DiscordServer, quay: Channel
) -> None:
    async with running(fake, max_ratelimit_timeout=30.0) as client:
        client.http.max_ratelimit_timeout = 0.1
        fake.faults.script(SEND, limited(0.05, "global"))
        channel = text_channel(client, quay)
        sending = asyncio.create_task(channel.send("ahoy"))
        await fake.until(lambda: not client.http._global_over.is_set())
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(channel.send("held"), 0.3)
        compat.release_global_limit(client.http)
        await asyncio.wait_for(channel.send("let through"), 5)
    assert quay.texts == ["let through"]


async def test_history_is_fetched_raw_and_parsed_one_by_one(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    before, *later = [fake.say(quay, ana, text) for text in ("zero", "one", "two")]
    async with running(fake) as client:
        channel = text_channel(client, quay)
        raw = await compat.fetch_raw_history(client, quay.id, 100, before.id)
        messages = [compat.parse_message(client, channel, one) for one in raw]
        assert sorted((one.id, one.content) for one in messages) == [(one.id, one.content) for one in later]
        with pytest.raises(KeyError):
            compat.parse_message(client, channel, {"id": "7"})


async def test_a_file_of_the_cdn_is_read_within_its_bound(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    said = fake.say(quay, ana, "", files=[File("message.txt", b"x" * 100, "text/plain")])
    url = said.attachments[0]["url"]
    async with running(fake) as client:
        assert await compat.fetch_bytes(client, url, 100) == b"x" * 100
        with pytest.raises(ValueError, match="too long"):
            await compat.fetch_bytes(client, url, 99)
        with pytest.raises(aiohttp.ClientError, match="404"):
            await compat.fetch_bytes(client, f"{url}.gone", 100)


async def test_commands_are_published_as_one_list(fake: DiscordServer) -> None:
    async with running(fake) as client:
        assert client.application_id
        await compat.publish_commands(
            client, client.application_id, [{"type": 1, "name": "act", "description": "Acts."}]
        )
    assert [command["name"] for command in fake.commands[None]] == ["act"]


async def test_commands_are_read_with_the_handler_of_an_entry_point(fake: DiscordServer) -> None:
    whole = {"type": 4, "name": "launch", "description": "", "handler": 2}
    async with running(fake) as client:
        assert client.application_id
        await compat.publish_commands(client, client.application_id, [whole])
        (found,) = await compat.fetch_commands(client, client.application_id)
    assert {name: found[name] for name in whole} == whole


async def test_an_archived_thread_is_opened_again(fake: DiscordServer, quay: Channel) -> None:
    thread = fake.thread(quay, owner=fake.bot)
    thread.archived = True
    async with running(fake) as client:
        await compat.reopen_thread(client, thread.id)
    assert not thread.archived


def test_other_addresses_reach_every_part_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in (
        (Route, "BASE"),
        (DiscordWebSocket, "DEFAULT_GATEWAY"),
        (discord.asset.Asset, "BASE"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    compat.use_addresses(Addresses("http://127.0.0.1:9/api/v10", "ws://127.0.0.1:9/gw"))
    assert Route("GET", "/users/@me").url == "http://127.0.0.1:9/api/v10/users/@me"
    assert str(DiscordWebSocket.DEFAULT_GATEWAY) == "ws://127.0.0.1:9/gw"
    assert discord.asset.Asset.BASE == "http://127.0.0.1:9/cdn"
