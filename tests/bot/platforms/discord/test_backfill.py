"""Backfill on Discord: messages of the time without a process are read, in order and once."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import ChatSettings
from bot.platforms.discord import backfill
from tests.fakes.discord_server import answer, reset, stall
from tests.fixtures.discord_bot import QUICK, staged
from tests.fixtures.discord_outlet import (
    answers,
    assert_answered_once,
)


async def test_messages_of_a_downtime_are_answered_once_everywhere(tmp_path: Path) -> None:
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


async def test_the_very_first_message_is_answered_when_sent_while_the_bot_is_down(
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


async def test_a_message_that_is_too_old_is_stored_and_not_answered(tmp_path: Path) -> None:
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
        pages = [call for call in stage.fake.sent("GET /channels/*/messages") if "after" in call.query]
        assert len(pages) == 3


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
        await assert_answered_once(stage, stage.quay, ["before", "meanwhile"])
        scope = f"discord/{stage.fake.bot.id}"
        await stage.idle()
        assert "catch_up" not in await stage.memory.platform_state(scope)


async def test_an_unfinished_backfill_begins_again_at_its_floor(
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
        await assert_answered_once(stage, new, ["meanwhile"])
        await assert_answered_once(stage, stage.quay, ["before", "newer"])


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
        await assert_answered_once(stage, stage.quay, ["before", "meanwhile"])
        assert stage.fake.sent(f"GET /channels/{secret.id}/messages") == []


async def test_an_unreadable_message_of_the_history_is_a_dead_letter_and_the_rest_is_read(
    tmp_path: Path,
) -> None:
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

        stage.fake.faults.script("GET /channels/*/messages", spoilt, times=2)
        await stage.start()
        await assert_answered_once(stage, stage.quay, ["before", "good"])
        assert (await stage.memory.status()).dead == 1


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
