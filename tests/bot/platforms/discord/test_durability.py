"""No message to the bot is lost or answered twice: over reconnections, full queues and a full disk."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.message import Message
from bot.platforms.discord import event_queue
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged
from tests.fixtures.discord_outlet import (
    answers,
    assert_answered_once,
)


@pytest.mark.parametrize("trouble", ["close", "op 7", "abort", "op 9", "no answer to heartbeats"])
async def test_a_message_during_an_outage_is_answered_once(tmp_path: Path, trouble: str) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, heartbeat_timeout=0.4)
        stage.fake.knobs.heartbeat = 0.15
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        if trouble == "close":
            stage.fake.close_gateway(4000)
        elif trouble == "op 7":
            stage.fake.reconnect()
        elif trouble == "abort":
            stage.fake.abort_gateway()
        elif trouble == "op 9":
            stage.fake.invalidate()
        else:
            stage.fake.knobs.acknowledge = False
            before = len(stage.fake.connections)
            await stage.fake.until(lambda: len(stage.fake.connections) > before)
            stage.fake.knobs.acknowledge = True
        stage.call("meanwhile", author=stage.bo)
        await assert_answered_once(stage, stage.quay, ["before", "meanwhile"])
        assert len(stage.fake.identifies) == (2 if trouble == "op 9" else 1)


async def test_a_message_between_two_sessions_is_read_where_guilds_are_listed_late(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, guild_timeout=1.0)
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        stage.fake.knobs.servers = 0.2
        stage.fake.invalidate()
        stage.call("meanwhile", author=stage.bo)
        await assert_answered_once(stage, stage.quay, ["before", "meanwhile"])


async def test_a_storm_of_closed_connections_loses_and_doubles_nothing(stage: DiscordStage) -> None:
    texts = []
    for number in range(50):
        texts.append(f"line {number}")
        stage.call(texts[-1], author=(stage.ana, stage.bo)[number % 2])
        if number % 5 == 4:
            stage.fake.invalidate()
            await stage.fake.until(lambda: not stage.bot._client.seconds_offline())
        else:
            await stage.fake.storm(1)
    await stage.fake.until(lambda: len(stage.engine.requests) >= 1 and stage._is_idle())
    stage.call("the end")
    await stage.fake.until(lambda: "the end" in stage.engine.prompts()[-1])
    await stage.idle()
    heard = [line.partition(": ")[2] for line in await stage.history()]
    assert [text for text in heard if text.startswith("line")] == texts
    states = dict((await stage.memory.status()).inbox)
    assert states == {"answered": 51}


async def test_messages_beyond_a_full_queue_are_read_again_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_queue, "MAX_MESSAGES", 10)
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.bot._event_queue._max_messages = 10
        stranger = stage.fake.dm(stage.fake.user("cy"))
        for number in range(100):
            stage.fake.say(stage.quay, stage.ana, f"line {number}")
        stage.fake.say(stranger, stranger.recipients[1], "Hello?")  # found by no reading, were it left out
        stage.call("Well?")
        await stage.fake.until(lambda: len(answers(stranger)) == len(answers(stage.quay)) == 1)
        await stage.idle()
        heard = [line.partition(": ")[2] for line in await stage.history()]
        assert heard[:-1] == [*(f"line {number}" for number in range(100)), "Well?"]
        assert "event_queue_full" in caplog.messages


async def test_memory_that_cannot_be_written_for_a_while_loses_nothing(
    stage: DiscordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, full = stage.memory.accept, [True]

    async def refuse(message: Message) -> bool:
        if full:
            full.pop()
            raise UserError("The disk is full.")
        return await accept(message)

    monkeypatch.setattr(stage.memory, "accept", refuse)
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert full == []


async def test_messages_after_stop_intake_wait_for_the_next_start(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.engine.delay = 0.05
        stage.engine.script.append("one two three")
        stage.call("before")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        stage.bot.stop_intake()
        stage.call("after", author=stage.bo)
        await stage.fake.until(lambda: answers(stage.quay) == ["one two three"])
        await asyncio.sleep(0.1)
        assert not stage.running.done()
        assert await stage.history() == ["ana: before", "Mara: one two three"]
        await stage.stop()
        await stage.start()
        await stage.fake.until(lambda: len(answers(stage.quay)) == 2)
