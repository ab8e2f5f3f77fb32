"""Nothing said to the bot is lost or answered twice: over reconnections, restarts and crowds."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import ChatSettings
from bot.errors import UserError
from bot.message import Message
from bot.platforms.discord import backfill, event_queue
from tests.fakes.discord_server import Channel, answer, reset, stall
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with staged(tmp_path) as built:
        yield await built.start()


def answers(channel: Channel) -> list[str]:
    return [message.content for message in channel.messages.values() if message.author.bot]


def read_once(stage: DiscordStage, texts: list[str]) -> bool:
    """Whether each text is the newest in exactly one prompt."""
    prompts = Counter(
        prompt.rpartition(": ")[2].partition("<|im_end|>")[0] for prompt in stage.engine.prompts()
    )
    return all(prompts[text] == 1 for text in texts)


async def answered_once(stage: DiscordStage, channel: Channel, texts: list[str]) -> None:
    """Wait until there are as many answers, and look that nothing was answered twice."""
    await stage.fake.until(lambda: len(answers(channel)) >= len(texts))
    await stage.idle()
    assert len(answers(channel)) == len(texts)
    assert read_once(stage, texts)


@pytest.mark.parametrize("trouble", ["close", "op 7", "abort", "op 9", "no answer to heartbeats"])
async def test_what_is_said_without_a_connection_is_answered_once(tmp_path: Path, trouble: str) -> None:
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
        await answered_once(stage, stage.quay, ["before", "meanwhile"])
        assert len(stage.fake.identifies) == (2 if trouble == "op 9" else 1)


async def test_what_is_said_between_two_sessions_is_read_where_servers_are_told_late(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, guild_timeout=1.0)
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        stage.fake.knobs.servers = 0.2
        stage.fake.invalidate()
        stage.call("meanwhile", author=stage.bo)
        await answered_once(stage, stage.quay, ["before", "meanwhile"])


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


async def test_what_was_said_while_the_bot_was_down_is_answered_once_everywhere(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        new = stage.fake.channel(stage.guild, "new")
        chat, thread = stage.fake.dm(stage.ana), stage.fake.thread(stage.quay, owner=stage.fake.bot)
        channels = [stage.quay, new, chat, thread]
        await stage.start()
        stage.call("before")
        stage.fake.say(chat, stage.ana, "before")
        await stage.says("Answer 1.")
        await stage.fake.until(lambda: len(answers(chat)) == 1)
        await stage.stop()
        stage.guild.members[stage.ana.id].nick = "Ana of the quay"
        born = stage.fake.thread(new, owner=stage.fake.bot)
        for channel in [*channels, born]:
            stage.fake.say(channel, stage.ana, "meanwhile", mentions=[stage.fake.bot])
        stage.fake.say(new, stage.bo, "not to the bot")
        await stage.start()
        for channel in [*channels, born]:
            expected = 2 if channel in (stage.quay, chat) else 1
            await stage.fake.until(lambda c=channel, e=expected: len(answers(c)) == e)  # type: ignore[misc]
        await stage.idle()
        assert [len(answers(channel)) for channel in [*channels, born]] == [2, 1, 2, 1, 1]
        heard = await stage.history(new)
        assert heard[0] == "Ana of the quay: meanwhile"
        assert "bo: not to the bot" in heard


async def test_the_first_start_of_all_reads_nothing_from_before(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.call("before it came")
        await stage.start()
        stage.call("Rain?")
        await stage.says("Answer 1.")
        assert await stage.history() == ["ana: Rain?", "Mara: Answer 1."]


async def test_who_speaks_first_of_all_while_the_bot_is_down_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_MARGIN", 0)
    async with staged(tmp_path) as stage:
        stage.call("before it came")
        await asyncio.sleep(0.01)  # ids count milliseconds
        await stage.start()
        await stage.idle()
        await stage.stop()
        stage.call("meanwhile")
        await stage.start()
        await stage.says("Answer 1.")
        assert await stage.history() == ["ana: meanwhile", "Mara: Answer 1."]


async def test_what_is_too_old_is_remembered_and_not_answered(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        await stage.stop()
        stage.call("meanwhile")
        stage.settings = ChatSettings(debounce=0, oldest=0.01)
        await asyncio.sleep(0.05)
        await stage.start()
        await stage.idle()
        assert await stage.history() == ["ana: before", "Mara: Answer 1.", "ana: meanwhile"]
        assert answers(stage.quay) == ["Answer 1."]


async def test_hundreds_of_missed_messages_are_read_in_pages_and_in_order(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.fake.say(stage.quay, stage.ana, "before")
        await stage.remembered(1)
        await stage.stop()
        for number in range(230):
            stage.fake.say(stage.quay, stage.ana, f"line {number}")
        await stage.start()
        stage.call("Well?")
        await stage.says("Answer 1.")
        heard = [line.partition(": ")[2] for line in await stage.history()]
        assert heard[:-2] == ["before", *(f"line {number}" for number in range(230))]
        assert len(stage.fake.sent("GET /channels/*/messages")) == 3


@pytest.mark.parametrize("fault", [answer(503), reset(after=False), answer(200, "<html>"), stall(9)])
async def test_history_that_cannot_be_read_at_once_is_read_later(tmp_path: Path, fault: Any) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, call_timeout=0.3)
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        await stage.stop()
        stage.call("meanwhile")
        stage.fake.faults.script("GET /channels/*/messages", fault, times=6)
        await stage.start()
        await answered_once(stage, stage.quay, ["before", "meanwhile"])
        scope = f"discord/{stage.fake.bot.id}"
        await stage.idle()
        assert "catch_up" not in await stage.memory.platform_state(scope)


async def test_an_unfinished_catching_up_begins_again_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_MARGIN", 0)
    async with staged(tmp_path) as stage:
        new = stage.fake.channel(stage.guild, "new")
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        await stage.stop()
        stage.call("meanwhile", channel=new)
        later = stage.call("newer")
        hang = asyncio.Event()

        async def held(request: Any, serve: Any) -> Any:
            await hang.wait()
            return await serve()

        stage.fake.faults.script(f"GET /channels/{new.id}/messages", held)
        await stage.start(connected=False)
        # the newer message is known, the older one of the new channel is not
        await stage.fake.until(lambda: len(answers(stage.quay)) == 2)
        assert (await stage.memory.cursors("discord", str(stage.fake.bot.id)))[stage.place()] == str(later.id)
        await stage.stop()
        hang.set()
        await stage.start()
        await answered_once(stage, new, ["meanwhile"])
        await answered_once(stage, stage.quay, ["before", "newer"])


async def test_a_channel_that_may_not_be_read_holds_up_no_other(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        await stage.stop()
        secret = stage.fake.channel(stage.guild, "secret")
        stage.fake.say(secret, stage.ana, "meanwhile")
        stage.call("meanwhile")
        stage.fake.permit(secret, stage.fake.bot, deny=["read_message_history"])
        hidden = stage.fake.channel(stage.guild, "hidden")
        stage.fake.say(hidden, stage.ana, "meanwhile")
        stage.fake.faults.script(f"GET /channels/{hidden.id}/messages", answer(403, {"code": 50001}))
        await stage.start()
        await answered_once(stage, stage.quay, ["before", "meanwhile"])
        assert stage.fake.sent(f"GET /channels/{secret.id}/messages") == []


async def test_history_that_cannot_be_understood_is_buried_and_the_rest_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.call("before")
        await stage.says("Answer 1.")
        await stage.stop()
        bad = stage.call("bad")
        stage.call("good")

        async def spoilt(request: Any, serve: Any) -> Any:
            reply = await serve()
            body = [one if one["id"] != str(bad.id) else {"id": one["id"]} for one in reply.body]
            return replace(reply, body=body)

        stage.fake.faults.script("GET /channels/*/messages", spoilt)
        await stage.start()
        await answered_once(stage, stage.quay, ["before", "good"])
        assert (await stage.memory.status()).dead == 1


async def test_what_an_earlier_process_accepted_is_answered_before_what_was_missed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.engine.hold = asyncio.Event()
        stage.call("accepted")
        await stage.engine.holding.wait()
        await stage.stop()
        stage.engine.hold = None
        stage.call("missed", author=stage.bo)
        await stage.start()
        await stage.fake.until(lambda: len(answers(stage.quay)) == 2)
        prompts = stage.engine.prompts()[1:]  # the words to be answered stand last, or are quoted there
        assert [re.findall("accepted|missed", prompt)[-1] for prompt in prompts] == ["accepted", "missed"]


@pytest.mark.parametrize("voice", ["account", "webhook"])
async def test_a_process_that_dies_behind_a_send_leaves_no_second_copy(tmp_path: Path, voice: str) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        if voice == "account":
            stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
        stage.fake.nonce_window = 0.0 if voice == "account" else 180.0
        stage.call("Rain?")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        await stage.idle()
        await stage.memory._database.write(  # as if the process had died before it noted the send
            lambda inside: inside.execute(
                "UPDATE outbox SET state = 'sending', text = 'Answer 1.', sent_id = NULL, attempts = 1"
            )
        )
        await stage.stop()
        await stage.start()
        await stage.idle()
        assert len(answers(stage.quay)) == 1
        assert (await stage.memory.status()).unsent == 0


@pytest.mark.parametrize("voice", ["account", "webhook"])
async def test_a_process_that_dies_while_it_shows_an_answer_goes_on_in_the_same_message(
    tmp_path: Path, voice: str
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        if voice == "account":
            stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
        stage.engine.script.append("one two three four five")
        stage.engine.delay = 0.06
        stage.call("Rain?")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        await stage.stop()
        stage.engine.delay = 0.0
        stage.engine.script.append("quite another answer")
        await stage.start()
        await stage.fake.until(lambda: answers(stage.quay)[0].endswith("quite another answer"))
        await stage.idle()
        assert len(answers(stage.quay)) == 1


async def test_a_draft_whose_note_was_lost_is_found_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.engine.script.append("one two three four five")
        stage.engine.delay = 0.06
        stage.call("Rain?")
        await stage.fake.until(lambda: len(answers(stage.quay)) == 1)
        await stage.bot.__aexit__(None, None, None)
        await stage.chat.close()
        await stage.memory._database.write(
            lambda inside: inside.execute("UPDATE outbox SET sent_id = NULL, state = 'sending'")
        )
        await stage.stop()
        stage.engine.delay = 0.0
        stage.engine.script.append("quite another answer")
        await stage.start()
        await stage.fake.until(lambda: answers(stage.quay) == ["quite another answer"])


async def test_a_crowd_that_does_not_fit_is_read_again_and_nothing_is_lost(
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


async def test_what_comes_after_hush_is_left_for_the_next_start(tmp_path: Path) -> None:
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


async def test_pages_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MAX_PAGES", 1)
    async with staged(tmp_path) as stage:
        await stage.start()
        stage.fake.say(stage.quay, stage.ana, "before")
        await stage.remembered(1)
        await stage.stop()
        for number in range(150):
            stage.fake.say(stage.quay, stage.ana, f"line {number}")
        await stage.start()
        await stage.idle()
        assert len(await stage.history()) == 101
