"""What waits in the event queue is bounded, and no change of a message is lost at a bound."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.message import Message
from bot.platforms.discord.event_queue import EventQueue
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.discord_outlet import answers


def queue_of(stage: DiscordStage) -> EventQueue:
    return stage.bot._event_queue


@asynccontextmanager
async def held_queue(stage: DiscordStage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let the queue stand still while the context lasts, as while memory cannot be written."""
    accept, reached, released = stage.memory.accept, asyncio.Event(), asyncio.Event()

    async def wait(message: Message) -> bool:
        reached.set()
        await released.wait()
        return await accept(message)

    monkeypatch.setattr(stage.memory, "accept", wait)
    stage.fake.say(stage.quay, stage.bo, "hold")
    await reached.wait()
    yield
    released.set()
    await stage.idle()


async def arrived(stage: DiscordStage, count: int) -> None:
    """Wait until so many events wait, and the gateway has nothing more to send."""
    await stage.fake.until(lambda: len(queue_of(stage)._waiting) >= count)
    await asyncio.sleep(0.1)


async def test_edits_of_one_message_wait_as_one_with_the_newest_text(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = stage.fake.say(stage.quay, stage.ana, "word 0")
    await stage.remembered(1)
    async with held_queue(stage, monkeypatch):
        for number in range(1, 30):
            stage.fake.edit(message, f"word {number}")
        await arrived(stage, 1)
        assert len(queue_of(stage)._waiting) == 1
    assert await stage.history() == ["ana: word 29", "bo: hold"]


async def test_edits_beyond_the_bound_are_found_by_a_look_at_the_channel(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue_of(stage)._changes._max_edits = 1
    said = [stage.fake.say(stage.quay, stage.ana, f"word {number}") for number in range(3)]
    await stage.remembered(3)
    async with held_queue(stage, monkeypatch):
        for message in said:
            stage.fake.edit(message, "another word")
        await arrived(stage, 2)
        assert len(queue_of(stage)._waiting) == 2
    assert await stage.history() == [*["ana: another word"] * 3, "bo: hold"]
    assert "edits_dropped" in caplog.messages


async def test_a_message_that_is_deleted_while_it_waits_is_neither_kept_nor_answered(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held_queue(stage, monkeypatch):
        early = stage.fake.say(stage.quay, stage.ana, "also regretted")
        stage.fake.delete(early)
        regretted = stage.call("my address is a secret")
        stage.fake.edit(regretted, "my address is another secret")
        stage.fake.delete(regretted)
        await arrived(stage, 4)
        assert len(queue_of(stage)._waiting) == 4  # the deletions of a channel wait as one
    assert await stage.history() == ["bo: hold"]
    assert stage.engine.requests == []


async def test_deletions_beyond_the_bound_are_found_by_a_look_at_the_channel(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue_of(stage)._changes._max_deletions = 5
    said = [stage.fake.say(stage.quay, stage.ana, f"word {number}") for number in range(20)]
    await stage.remembered(20)
    async with held_queue(stage, monkeypatch):
        for message in said[:10]:
            stage.fake.delete(message)
        stage.fake.bulk_delete(said[10:])
        await arrived(stage, 2)
        assert queue_of(stage)._changes._deleted_ids == 5
        assert len(queue_of(stage)._waiting) == 2
    assert await stage.history() == ["bo: hold"]
    assert "deletions_dropped" in caplog.messages


async def test_direct_messages_beyond_the_bound_are_read_again_also_of_somebody_new(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = stage.fake.dm(stage.fake.user("cy"))
    queue_of(stage)._max_messages = 2
    async with held_queue(stage, monkeypatch):
        for number in range(2):
            stage.fake.say(stage.fake.dm(stage.ana), stage.ana, f"word {number}")
        for number in range(5):
            stage.fake.say(stranger, stranger.recipients[1], f"line {number}")
        await arrived(stage, 3)
        assert len(queue_of(stage)._waiting) == 3
    await stage.fake.until(lambda: len(answers(stranger)) >= 1)
    await stage.idle()
    heard = [line for line in await stage.history(stranger) if line.startswith("cy")]
    assert heard == [f"cy: line {number}" for number in range(5)]


async def test_direct_chats_beyond_the_bound_are_dropped_with_a_line_in_the_log(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue_of(stage)._max_messages = 0
    monkeypatch.setattr("bot.platforms.discord.event_queue.MAX_DIRECT_GAPS", 1)
    async with held_queue(stage, monkeypatch):
        for name in ("cy", "di"):
            chat = stage.fake.dm(stage.fake.user(name))
            stage.fake.say(chat, chat.recipients[1], "Hello?")
        await stage.fake.until(lambda: "direct_message_dropped" in caplog.messages)
        assert len(queue_of(stage)._direct_gaps) == 1


async def test_any_number_of_sessions_waits_as_one_backfill(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held_queue(stage, monkeypatch):
        for _ in range(100):
            queue_of(stage).put_event("connect", ())
        assert len(queue_of(stage)._waiting) == 1


async def test_unreadable_messages_beyond_the_bound_are_dropped_with_a_line_in_the_log(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.platforms.discord.event_queue.MAX_OTHERS", 3)
    async with held_queue(stage, monkeypatch):
        for number in range(9):
            queue_of(stage).put_unreadable("MESSAGE_CREATE", str(number))
        assert len(queue_of(stage)._waiting) == 3
    assert "event_dropped" in caplog.messages


async def test_reactions_beyond_the_bound_are_dropped(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.discord.event_queue.MAX_REACTIONS", 3)
    said = stage.fake.say(stage.quay, stage.ana, "hello")
    await stage.remembered(1)
    async with held_queue(stage, monkeypatch):
        for number in range(6):
            stage.fake.react(said, stage.bo, f"wave{number}:{100000000000000000 + number}")
        await arrived(stage, 3)
        assert queue_of(stage)._counts["reaction"] == 3
