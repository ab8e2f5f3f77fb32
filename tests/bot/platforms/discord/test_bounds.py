"""Commands under way and what is known of webhooks, threads and drafts are bounded."""

import asyncio

import pytest

from bot.memory.queries.records import Outgoing
from bot.platforms.discord import channels, commands, outlet, thread_fallback, webhook_pictures, webhooks
from tests.conftest import MARA
from tests.fakes.discord_server import permissions
from tests.fixtures.discord_bot import DiscordStage

ADMIN = permissions("manage_guild")


async def test_commands_of_one_person_beyond_the_bound_are_not_answered(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(commands, "MAX_OF_USER", 3)
    stage.engine.hold = asyncio.Event()
    for _ in range(5):
        stage.fake.slash(stage.quay, stage.ana, "post", permissions=ADMIN)
    handler = stage.bot._commands
    await stage.fake.until(lambda: caplog.messages.count("command_queue_full") == 2)
    assert len(handler._tasks) <= 3
    other = stage.fake.slash(stage.quay, stage.bo, "help")
    await stage.fake.until(lambda: other.deferred)
    stage.engine.hold.set()
    await stage.fake.until(lambda: not handler._tasks)


async def test_commands_of_all_people_beyond_the_bound_are_not_answered(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(commands, "MAX_TASKS", 0)
    stage.fake.slash(stage.quay, stage.ana, "help")
    await stage.fake.until(lambda: "command_queue_full" in caplog.messages)
    assert not stage.bot._commands._tasks


async def test_webhooks_that_are_known_are_bounded_and_asked_for_again(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MAX_KNOWN", 2)
    places = [stage.quay, *(stage.fake.channel(stage.guild, f"pier {number}") for number in range(4))]
    for channel in [*places, stage.quay]:
        stage.call("Rain?", channel=channel)
        await stage.idle()
        await stage.fake.until(lambda channel=channel: channel.texts[-1].startswith("Answer"))  # type: ignore[misc]
    assert len(stage.bot._webhooks._known) == 2
    assert len(stage.fake.platform.webhooks) == len(places)


async def test_parents_of_threads_are_kept_up_to_the_bound(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_MAX_CACHED", 3)
    known = stage.bot._commands._channels
    for number in range(10):
        thread = stage.fake.thread(stage.quay)
        stage.bot._client.get_guild(stage.guild.id)._threads.clear()  # type: ignore[union-attr]
        await known.resolve_place(thread.id, stage.guild.id)
        assert len(known._parents) <= 3, number


async def test_texts_of_drafts_are_kept_up_to_the_bound(stage: DiscordStage) -> None:
    shown = stage.chat._resources.outlets["discord"]
    assert isinstance(shown, outlet.DiscordOutlet)
    for number in range(outlet._MAX_SHOWN + 20):
        shown._remember_shown(str(number), "a beginning")
    assert len(shown._shown) == outlet._MAX_SHOWN
    draft = Outgoing("key", stage.place(), 0, "", "sending", 0, None, "mara")
    assert await shown.show(draft, MARA, "One word")


async def test_a_channel_that_is_gone_leaves_nothing_of_its_webhooks(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    known = stage.bot._webhooks
    known.drop_channel(stage.quay.id)
    assert not any((known._own, known._free, known._denied_until, known._locks, known._known))


async def test_no_message_and_no_member_is_cached_by_the_library(stage: DiscordStage) -> None:
    for number in range(20):
        stage.call(f"line {number}", author=(stage.ana, stage.bo)[number % 2])
    await stage.fake.until(lambda: len(stage.engine.requests) >= 1)
    await stage.idle()
    client = stage.bot._client
    assert not client.cached_messages
    assert {member.id for guild in client.guilds for member in guild.members} <= {stage.fake.bot.id}


async def test_pictures_of_webhooks_are_noted_up_to_the_bound(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_pictures, "MAX_NOTED", 3)
    pictures = stage.bot._webhooks._upkeep._pictures
    for number in range(8, 15):
        await pictures.note(number, "digest")
    noted = await stage.memory.platform_state(pictures._scope)
    assert sorted(noted) == ["12", "13", "14"]


async def test_closed_threads_are_known_up_to_the_bound(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_fallback, "MAX_CLOSED", 3)
    threads = stage.chat._resources.outlets["discord"]._threads  # type: ignore[attr-defined]
    for number in range(5):
        assert await threads.close(stage.place(stage.fake.thread(stage.quay, f"rope {number}")))
    assert len(threads._closed_until) == 3
